import { httpEndpoint } from '../../lib/http/endpoint.ts';
import * as routes from '../../lib/protocol/routes/conversations.ts';
import * as service from '../../lib/services/conversations/addNote.ts';
import { handOn } from '../../lib/services/desk/changes.ts';

export const addNote = httpEndpoint(routes.addNote, async ({ caller, params, body, repeats, waitUntil }) => {
  const { note, repeated } = await service.addNote(caller, params.conversationId, body);
  if (repeated) repeats();
  else waitUntil(() => handOn({ notes: [note.id] }));
  return note;
});
