import type { Role } from '../domain/roles.ts';
import { DAY_MS } from '../domain/spans.ts';
import { AUDIT_ACTIONS, type AuditAction, type AuditEntry } from '../protocol/objects/operations.ts';
import { config } from '../runtime/config.ts';
import { type Transaction, trusted } from './database.ts';
import { newId } from './ids.ts';
import { defineModel } from './model.ts';
import { defined, forEvery, NEWEST_FIRST, type Page, type PageRequest, readPage } from './pages.ts';

/** Who did what to whom, when and from where. Entries are never changed, except that an erasure removes addresses. */
interface AuditRecord {
  _id: string;
  createdAt: Date;
  action: AuditAction;
  actorId: string | null;
  actorRole: Role | null;
  sourceIp: string | null;
  targetId: string | null;
  details: Record<string, string>;
  expiresAt: Date;
}

const BY_ACTOR_AND_TARGET = { actorId: 1, targetId: 1, action: 1, ...NEWEST_FIRST } as const;
/** Of what has an address: what is erased leaves it. */
const BY_ACTOR_WITH_ADDRESS = { actorId: 1 } as const;

export const auditModel = /* @__PURE__ */ defineModel<AuditRecord>(
  'Audit',
  'audit',
  {
    _id: { type: String, required: true },
    createdAt: { type: Date, required: true },
    action: { type: String, required: true },
    actorId: { type: String, default: null },
    actorRole: { type: String, default: null },
    sourceIp: { type: String, default: null },
    targetId: { type: String, default: null },
    details: { type: Object, default: {} },
    expiresAt: { type: Date, required: true },
  },
  [
    // For lists.
    [{ action: 1, ...NEWEST_FIRST }],
    [{ actorId: 1, action: 1, ...NEWEST_FIRST }],
    [{ targetId: 1, action: 1, ...NEWEST_FIRST }],
    [BY_ACTOR_AND_TARGET],
    // For `erasePerson`.
    [{ sourceIp: 1 }, { partialFilterExpression: { actorId: null, targetId: null } }],
    [BY_ACTOR_WITH_ADDRESS, { partialFilterExpression: { actorId: { $gt: '' }, sourceIp: { $gt: '' } } }],
    [{ expiresAt: 1 }, { expireAfterSeconds: 0 }],
  ],
);

/** The person who acts: a caller, or somebody of whom only the address is known. */
export interface Actor {
  readonly userId: string | null;
  readonly role: Role | null;
  readonly sourceIp: string | null;
}

/** Nobody: what follows from a rule, or from a decision that has an entry of its own. */
export const BY_RULE: Actor = { userId: null, role: null, sourceIp: null };

/** Appends an entry. Inside a transaction, the entry exists if and only if the transaction commits. */
export async function audit(
  actor: Actor,
  action: AuditAction,
  targetId: string | null,
  details: Readonly<Record<string, string>> = {},
  session?: Transaction,
): Promise<void> {
  const now = Date.now();
  const entry: AuditRecord = {
    _id: newId(),
    createdAt: new Date(now),
    action,
    actorId: actor.userId,
    actorRole: actor.role,
    sourceIp: actor.sourceIp,
    targetId,
    details: { ...details },
    expiresAt: new Date(now + config().AUDIT_RETENTION_DAYS * DAY_MS),
  };
  await auditModel().create([entry], session ? { session } : {});
}

export interface AuditFilter {
  readonly action?: AuditAction | undefined;
  readonly actorId?: string | undefined;
  readonly targetId?: string | undefined;
}

export async function listAudit(filter: AuditFilter, page: PageRequest): Promise<Page<AuditEntry>> {
  return readPage(auditModel(), forEvery([defined(filter)], 'action', AUDIT_ACTIONS), page, toEntry);
}

const ERASED_AT_ONCE = 1_000;

/**
 * Removes a person's addresses from entries of their own doing, and from entries of unknown people about their account.
 * Attempts at accounts that don't exist lose these addresses too: they may have been this person's. Works in pages, each
 * for good, so that a repetition goes on instead of starting over. Returns whether everything was done by `until`.
 */
export async function erasePerson(userId: string, until: number): Promise<boolean> {
  const byThem = { filter: { actorId: userId, sourceIp: { $gt: '' } }, index: BY_ACTOR_WITH_ADDRESS };
  const byNobody = { filter: { actorId: null, targetId: userId }, index: BY_ACTOR_AND_TARGET };
  const erasedOfTheirs = await eraseAll(byThem, { sourceIp: null }, until);
  return erasedOfTheirs && eraseAll(byNobody, { sourceIp: null, targetId: null }, until);
}

/** Erases fields of all entries of the filter, page by page. */
async function eraseAll(
  { filter, index }: { readonly filter: object; readonly index: Readonly<Record<string, 1 | -1>> },
  erased: { readonly sourceIp: null; readonly targetId?: null },
  until: number,
): Promise<boolean> {
  for (;;) {
    // By this index, because it has only the entries that are left, however many are erased already.
    const found = auditModel()
      .find(trusted(filter), { sourceIp: 1 })
      .hint({ ...index });
    const page = await found.limit(ERASED_AT_ONCE).batchSize(ERASED_AT_ONCE).lean();
    if (page.length === 0) return true;
    const addresses = new Set(page.flatMap(({ sourceIp }) => sourceIp ?? []));
    // First, because the entries of the page tell the addresses.
    const nameless = trusted({ actorId: null, targetId: null, sourceIp: { $in: [...addresses] } });
    for (;;) {
      if (Date.now() > until) return false;
      const attempts = await auditModel()
        .find(nameless, { _id: 1 })
        .limit(ERASED_AT_ONCE)
        .batchSize(ERASED_AT_ONCE)
        .lean();
      if (attempts.length === 0) break;
      await erase(attempts, { sourceIp: null });
    }
    await erase(page, erased);
  }
}

async function erase(
  entries: readonly { readonly _id: string }[],
  erased: { readonly sourceIp: null; readonly targetId?: null },
): Promise<void> {
  await auditModel().updateMany(trusted({ _id: { $in: entries.map(({ _id }) => _id) } }), { $set: erased });
}

const toEntry = (record: AuditRecord): AuditEntry => ({
  id: record._id,
  at: record.createdAt.toISOString(),
  action: record.action,
  actorId: record.actorId,
  actorRole: record.actorRole,
  sourceIp: record.sourceIp,
  targetId: record.targetId,
  details: record.details,
});
