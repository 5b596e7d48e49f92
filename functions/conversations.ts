import { startAhead } from '../lib/auth/startAhead.ts';
import { httpArea } from '../lib/http/area.ts';
import { assignConversation } from './conversations/assignConversation.ts';
import { closeConversation } from './conversations/closeConversation.ts';
import { createConversation } from './conversations/createConversation.ts';
import { editConversation } from './conversations/editConversation.ts';
import { getConversation } from './conversations/getConversation.ts';
import { listConversations } from './conversations/listConversations.ts';
import { listMessages } from './conversations/listMessages.ts';
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
];

export const handler = httpArea(endpoints);
