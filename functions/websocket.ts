import { startAhead } from '../lib/auth/startAhead.ts';
import { socketArea } from '../lib/websocket/area.ts';
import { closeConversation } from './websocket/closeConversation.ts';
import { connect } from './websocket/connect.ts';
import { disconnect } from './websocket/disconnect.ts';
import { joinConversation } from './websocket/joinConversation.ts';
import { leaveConversation } from './websocket/leaveConversation.ts';
import { markRead } from './websocket/markRead.ts';
import { ping } from './websocket/ping.ts';
import { sendMessage } from './websocket/sendMessage.ts';
import { setAvailability } from './websocket/setAvailability.ts';
import { typing } from './websocket/typing.ts';
import { unknownEvent } from './websocket/unknownEvent.ts';
import { unwatchQueue } from './websocket/unwatchQueue.ts';
import { watchQueue } from './websocket/watchQueue.ts';

startAhead();

export const endpoints = [
  connect,
  disconnect,
  joinConversation,
  sendMessage,
  leaveConversation,
  closeConversation,
  typing,
  markRead,
  watchQueue,
  unwatchQueue,
  setAvailability,
  ping,
  unknownEvent,
];

export const handler = socketArea(endpoints);
