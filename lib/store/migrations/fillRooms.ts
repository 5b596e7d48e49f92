import { logger } from '../../runtime/logger.ts';
import { adoptConnection, connectionModel } from '../connections.ts';
import { conversationModel, importRoom, pruneRooms } from '../conversations.ts';
import { trusted } from '../database.ts';

const PAGE = 1_000;

/**
 * Notes in the connections of an earlier release who speaks through them, and gives running conversations their rooms. Use
 * does the same, one at a time.
 */
export async function fillRooms(): Promise<void> {
  const connections = connectionModel()
    .find(trusted({ role: { $exists: false } }), { _id: 1 })
    .lean()
    .cursor();
  for await (const { _id } of connections) await adoptConnection(_id);
  for (const status of ['open', 'assigned'] as const) {
    for (let last = '', filled = 0; ; ) {
      const rows = await conversationModel()
        .find(trusted({ status, _id: { $gt: last }, room: { $exists: false } }), { _id: 1 })
        .sort({ _id: 1 })
        .limit(PAGE)
        .lean();
      for (const { _id } of rows) await importRoom(_id);
      filled += rows.length;
      const end = rows.at(-1);
      if (!end) break;
      last = end._id;
      logger.info('filling rooms', { status, filled });
    }
  }
  await pruneRooms();
}
