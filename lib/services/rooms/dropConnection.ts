import { errorFields, logger } from '../../runtime/logger.ts';
import { connect } from '../../store/database.ts';
import { deleteConnection } from '../../store/endedConnections.ts';

/** Forgets a closed connection. Never throws: a connection that is missed here goes at its first 410, or expires. */
export async function dropConnection(connectionId: string): Promise<void> {
  try {
    await connect();
    await deleteConnection(connectionId);
  } catch (error) {
    logger.warn('could not forget a closed connection', errorFields(error));
  }
}
