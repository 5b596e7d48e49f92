import { errorFields, logger } from '../../runtime/logger.ts';
import { connect } from '../../store/database.ts';
import { deleteConnection } from '../../store/endedConnections.ts';
import { tellLeft } from './presence.ts';

/** Forgets a closed connection, and tells the rooms it was in. Never throws: a connection that is missed here goes at its first 410, or expires. */
export async function dropConnection(connectionId: string): Promise<void> {
  try {
    await connect();
    const left = await deleteConnection(connectionId);
    if (left) await Promise.all(left.rooms.map((room) => tellLeft(room, left.userId)));
  } catch (error) {
    logger.warn('could not forget a closed connection', errorFields(error));
  }
}
