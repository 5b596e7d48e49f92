import { startAhead } from '../lib/auth/startAhead.ts';
import { httpArea } from '../lib/http/area.ts';
import { getDesk } from './desk/getDesk.ts';
import { getRouting } from './desk/getRouting.ts';
import { setRouting } from './desk/setRouting.ts';

startAhead();

export const endpoints = [getRouting, setRouting, getDesk];

export const handler = httpArea(endpoints);
