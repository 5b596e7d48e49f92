import type { Caller } from '../../domain/permissions.ts';
import type { Reply } from '../../protocol/objects/replies.ts';
import type { Page, PageRequest } from '../../store/pages.ts';
import { readReplies } from '../../store/replies.ts';

/** Lists the canned replies that the caller may use, newest first. */
export async function listReplies(caller: Caller, page: PageRequest): Promise<Page<Reply>> {
  return readReplies(caller, page);
}
