import { errorFields, logger } from '../../runtime/logger.ts';
import { deleteConnection } from '../../store/connections.ts';
import { connect } from '../../store/database.ts';

/** Forgets a closed connection. Never throws: one that is missed goes at its first 410, or expires by itself. */
export async function dropConnection(connectionId: string): Promise<void> {
  try {
    await connect();
    await deleteConnection(connectionId);
  } catch (error) {
    logger.warn('could not forget a closed connection', errorFields(error));
  }
}
