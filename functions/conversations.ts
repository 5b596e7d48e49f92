import { startAhead } from '../lib/auth/startAhead.ts';
import { httpArea } from '../lib/http/area.ts';
import { addNote } from './conversations/addNote.ts';
import { assignConversation } from './conversations/assignConversation.ts';
import { closeConversation } from './conversations/closeConversation.ts';
import { createConversation } from './conversations/createConversation.ts';
import { editConversation } from './conversations/editConversation.ts';
import { getConversation } from './conversations/getConversation.ts';
import { getTranscript } from './conversations/getTranscript.ts';
import { listConversations } from './conversations/listConversations.ts';
import { listMessages } from './conversations/listMessages.ts';
import { listNotes } from './conversations/listNotes.ts';
import { markRead } from './conversations/markRead.ts';
import { rateConversation } from './conversations/rateConversation.ts';
import { requeueConversation } from './conversations/requeueConversation.ts';

startAhead();

export const endpoints = [
  createConversation,
  listConversations,
  getConversation,
  listMessages,
  assignConversation,
  requeueConversation,
  closeConversation,
  editConversation,
  markRead,
  getTranscript,
  listNotes,
  addNote,
  rateConversation,
];

export const handler = httpArea(endpoints);
