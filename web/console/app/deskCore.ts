import type { AnyConversation, LiveSupportClient, User } from '../../../client/src/index.ts';
import type { PagedList } from './pagedList.ts';

/** What the parts of a desk know of it. */
export interface DeskCore {
  readonly client: LiveSupportClient;
  readonly user: User;
  readonly closed: PagedList<AnyConversation>;
  /** What agents hold, as supervisors and admins see it. */
  readonly held: PagedList<AnyConversation>;
  /** The conversations that are on the screen: their views are kept. */
  readonly shown: Set<string>;
}
