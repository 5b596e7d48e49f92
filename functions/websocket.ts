import { startAhead } from '../lib/auth/startAhead.ts';
import { socketArea } from '../lib/websocket/area.ts';
import { closeConversation } from './websocket/closeConversation.ts';
import { connect } from './websocket/connect.ts';
import { disconnect } from './websocket/disconnect.ts';
import { joinConversation } from './websocket/joinConversation.ts';
import { leaveConversation } from './websocket/leaveConversation.ts';
import { ping } from './websocket/ping.ts';
import { sendMessage } from './websocket/sendMessage.ts';
import { unknownEvent } from './websocket/unknownEvent.ts';

startAhead();

export const endpoints = [
  connect,
  disconnect,
  joinConversation,
  sendMessage,
  leaveConversation,
  closeConversation,
  ping,
  unknownEvent,
];

export const handler = socketArea(endpoints);
