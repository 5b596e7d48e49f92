import { startAhead } from '../lib/auth/startAhead.ts';
import { httpArea } from '../lib/http/area.ts';
import { createReply } from './desk/createReply.ts';
import { deleteReply } from './desk/deleteReply.ts';
import { getDesk } from './desk/getDesk.ts';
import { getRouting } from './desk/getRouting.ts';
import { listReplies } from './desk/listReplies.ts';
import { setRouting } from './desk/setRouting.ts';
import { updateReply } from './desk/updateReply.ts';

startAhead();

export const endpoints = [getRouting, setRouting, getDesk, listReplies, createReply, updateReply, deleteReply];

export const handler = httpArea(endpoints);
