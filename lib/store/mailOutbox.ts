import { type Transaction, trusted } from './database.ts';
import { newId } from './ids.ts';
import { defineModel } from './model.ts';

/**
 * A mail that is to be sent, with a link by which a user sets a new password. It names the user, and has neither an address nor a
 * token: whoever reads the database can't set anybody's password.
 */
interface OutboxRecord {
  _id: string;
  /** Where somebody asked for an address without an account, nobody's: such an entry is written as any other. */
  userId: string;
  /** From when on it may be taken, by the database's clock. */
  dueAt: Date;
  /** How often sending began without an outcome that is known. */
  begun: number;
  /** How often it was refused. */
  failures: number;
  /** Until when it is tried. */
  expiresAt: Date;
}

export const mailOutboxModel = /* @__PURE__ */ defineModel<OutboxRecord>(
  'MailOutbox',
  'mail_outbox',
  {
    _id: { type: String, required: true },
    userId: { type: String, required: true },
    dueAt: { type: Date, required: true },
    begun: { type: Number, required: true },
    failures: { type: Number, required: true },
    expiresAt: { type: Date, required: true },
  },
  [
    [{ dueAt: 1 }],
    [{ userId: 1 }],
    // The mail sender deletes what is past its time, and says so. What it can't delete for a day is gone all the same.
    [{ expiresAt: 1 }, { expireAfterSeconds: 24 * 3600 }],
  ],
);

/** How long a mail is tried: whoever waits longer asks again. */
const TRIED_MS = 30 * 60 * 1000;

/**
 * How long a mail belongs to the sender that has taken it: longer than the function that sends mails may run. After that time its sender is
 * dead, and the mail is due again.
 */
const TAKEN_MS = 2 * 60 * 1000;

const FIRST_PAUSE_MS = 30 * 1000;
const LONGEST_PAUSE_MS = 8 * 60 * 1000;

/** Puts a mail into the outbox. `null` stands for nobody, for whom the same is written. */
export async function putMail(userId: string | null): Promise<void> {
  await mailOutboxModel().create([
    {
      _id: newId(),
      userId: userId ?? newId(),
      // Whatever this machine's clock says, it is due.
      dueAt: new Date(0),
      begun: 0,
      failures: 0,
      expiresAt: new Date(Date.now() + TRIED_MS),
    },
  ]);
}

/** A mail that was taken to be sent. */
export interface TakenMail {
  readonly id: string;
  readonly userId: string;
  /** When it is anybody's again, by the database's clock. */
  readonly takenUntil: Date;
  /** How often sending began before, without an outcome that is known. */
  readonly begun: number;
  /** It was not sent in its time. */
  readonly isLate: boolean;
}

/** Takes the mail that is due longest: nobody else gets it for two minutes. Returns `null` where none is due. */
export async function takeMail(): Promise<TakenMail | null> {
  const record = await mailOutboxModel()
    .findOneAndUpdate(
      trusted({ dueAt: { $lte: new Date() }, $expr: { $lte: ['$dueAt', '$$NOW'] } }),
      [{ $set: { dueAt: { $add: ['$$NOW', TAKEN_MS] } } }],
      { sort: { dueAt: 1 }, returnDocument: 'after', updatePipeline: true },
    )
    .lean();
  if (!record) return null;
  const { _id: id, userId, dueAt: takenUntil, begun, expiresAt } = record;
  return { id, userId, takenUntil, begun, isLate: expiresAt.getTime() <= Date.now() };
}

/**
 * Notes that sending begins. Call it inside the transaction that stores the link: without its commit nothing has begun. Returns
 * `false` where somebody else has taken the mail meanwhile: this machine stood still for too long.
 */
export async function beginMail({ id, takenUntil }: TakenMail, session: Transaction): Promise<boolean> {
  const { matchedCount } = await mailOutboxModel().updateOne(
    { _id: id, dueAt: takenUntil },
    { $inc: { begun: 1 } },
    { session },
  );
  return matchedCount === 1;
}

/** Notes that a mail was refused, so that it was not sent. It is due again after a pause, longer each time. */
export async function setBackMail({ id, takenUntil }: TakenMail): Promise<void> {
  const pause = { $min: [LONGEST_PAUSE_MS, { $multiply: [FIRST_PAUSE_MS, { $pow: [2, '$failures'] }] }] };
  await mailOutboxModel().updateOne(
    { _id: id, dueAt: takenUntil },
    [
      {
        $set: {
          dueAt: { $add: ['$$NOW', pause] },
          begun: { $subtract: ['$begun', 1] },
          failures: { $add: ['$failures', 1] },
        },
      },
    ],
    { updatePipeline: true },
  );
}

/** Deletes a mail that is sent, or given up. */
export async function deleteMail({ id }: Pick<TakenMail, 'id'>): Promise<void> {
  await mailOutboxModel().deleteOne({ _id: id });
}

/** Deletes all mails to a user. */
export async function deleteMailsTo(userId: string, session: Transaction): Promise<void> {
  await mailOutboxModel().deleteMany({ userId }, { session });
}

/** Returns how long the oldest mail has waited to be sent, in milliseconds; `null` where none waits. */
export async function oldestMailMs(): Promise<number | null> {
  const oldest = await mailOutboxModel().findOne({}, { expiresAt: 1 }).sort({ expiresAt: 1 }).lean();
  return oldest && Math.max(0, Date.now() - oldest.expiresAt.getTime() + TRIED_MS);
}
