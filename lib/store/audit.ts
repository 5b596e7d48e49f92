import type { Role } from '../domain/roles.ts';
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
    [{ actorId: 1, targetId: 1, action: 1, ...NEWEST_FIRST }],
    // For `erasePerson`.
    [{ sourceIp: 1 }, { partialFilterExpression: { actorId: null, targetId: null } }],
    [{ expiresAt: 1 }, { expireAfterSeconds: 0 }],
  ],
);

/** The person who acts: a caller, or somebody of whom only the address is known. */
export interface Actor {
  readonly userId: string | null;
  readonly role: Role | null;
  readonly sourceIp: string | null;
}

const DAY_MS = 24 * 3600 * 1000;

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

/**
 * Removes a person's addresses from entries of their own doing, and from entries of unknown people about their account.
 * Attempts at accounts that don't exist lose these addresses too: they may have been this person's.
 */
export async function erasePerson(userId: string): Promise<void> {
  const byThem = { actorId: userId };
  const byNobody = { actorId: null, targetId: userId };
  const addresses = await auditModel().distinct('sourceIp', trusted({ $or: [byThem, byNobody] }));
  const theirs = addresses.filter((address) => address !== null);
  await auditModel().updateMany(trusted({ actorId: null, targetId: null, sourceIp: { $in: theirs } }), {
    $set: { sourceIp: null },
  });
  // Last, because these entries tell the addresses.
  // Only entries with an address, so that a repetition goes on instead of starting over.
  await auditModel().updateMany(trusted({ ...byThem, sourceIp: { $type: 'string' } }), { $set: { sourceIp: null } });
  await auditModel().updateMany(byNobody, { $set: { sourceIp: null, targetId: null } });
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
