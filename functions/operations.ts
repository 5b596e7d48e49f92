import { startAhead } from '../lib/auth/startAhead.ts';
import { httpArea } from '../lib/http/area.ts';
import { health } from './operations/health.ts';
import { listAudit } from './operations/listAudit.ts';

startAhead();

export const endpoints = [listAudit, health];

export const handler = httpArea(endpoints);
