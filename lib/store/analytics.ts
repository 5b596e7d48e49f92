import type { PipelineStage } from 'mongoose';
import { conversationModel } from './conversations.ts';
import { trusted } from './database.ts';
import { userModel } from './users.ts';

/** Half-open, on `closedAt`; `null` for no bound. */
export interface Period {
  readonly from: Date | null;
  readonly to: Date | null;
}

/** Closed conversations that an agent handled; those closed while open count for none. */
const handledIn = ({ from, to }: Period): PipelineStage.Match => ({
  $match: {
    status: 'closed',
    agentId: { $type: 'string' },
    // Always a range on `closedAt`, so that the index on it serves.
    closedAt: { $gte: from ?? new Date(0), ...(to && { $lt: to }) },
  },
});

export interface ClosedCount {
  readonly supervisorId: string;
  readonly agentId: string;
  readonly count: number;
}

export async function countClosed(period: Period): Promise<ClosedCount[]> {
  return conversationModel()
    .aggregate<ClosedCount>([
      handledIn(period),
      { $group: { _id: { supervisorId: '$supervisorId', agentId: '$agentId' }, count: { $sum: 1 } } },
      { $project: { _id: 0, supervisorId: '$_id.supervisorId', agentId: '$_id.agentId', count: 1 } },
    ])
    .option({ allowDiskUse: true });
}

/** Per supervisor the median seconds from `createdAt` to the given time, of those conversations that have it. */
export async function medianSeconds(
  until: 'firstResponseAt' | 'closedAt',
  period: Period,
): Promise<Map<string, number>> {
  // Sorted and counted per supervisor, then the one or two in the middle: no array of all of them is ever built, and
  // servers before MongoDB 7 have no $median.
  const rows = await conversationModel()
    .aggregate<{ _id: string; milliseconds: number }>([
      handledIn(period),
      { $match: { [until]: { $type: 'date' } } },
      { $project: { _id: 0, supervisorId: 1, took: { $subtract: [`$${until}`, '$createdAt'] } } },
      {
        $setWindowFields: {
          partitionBy: '$supervisorId',
          sortBy: { took: 1 },
          output: { place: { $documentNumber: {} } },
        },
      },
      {
        $setWindowFields: {
          partitionBy: '$supervisorId',
          output: { of: { $max: '$place', window: { documents: ['unbounded', 'unbounded'] } } },
        },
      },
      {
        $match: {
          $expr: {
            $and: [
              { $gte: ['$place', { $floor: { $divide: [{ $add: ['$of', 1] }, 2] } }] },
              { $lte: ['$place', { $ceil: { $divide: [{ $add: ['$of', 1] }, 2] } }] },
            ],
          },
        },
      },
      { $group: { _id: '$supervisorId', milliseconds: { $avg: '$took' } } },
    ])
    .option({ allowDiskUse: true });
  return new Map(rows.map(({ _id, milliseconds }) => [_id, Math.round(milliseconds) / 1000]));
}

export interface Person {
  readonly id: string;
  readonly name: string;
  readonly email: string;
  readonly role: string;
  readonly supervisorId: string | null;
  readonly active: boolean;
}

/** Every supervisor and agent, and whoever else is named by id. */
export async function findStaff(alsoIds: readonly string[]): Promise<Person[]> {
  const rows = await userModel()
    .find(trusted({ $or: [{ role: { $in: ['supervisor', 'agent'] } }, { _id: { $in: alsoIds } }] }), {
      name: 1,
      email: 1,
      role: 1,
      supervisorId: 1,
      active: 1,
    })
    .lean();
  // Only candidates are ever without an address.
  return rows.map(({ _id, email, ...rest }) => ({ id: _id, email: email ?? '', ...rest }));
}
