import { startAhead } from '../lib/auth/startAhead.ts';
import { httpArea } from '../lib/http/area.ts';
import { supervisorAnalytics } from './analytics/supervisorAnalytics.ts';

startAhead();

export const endpoints = [supervisorAnalytics];

export const handler = httpArea(endpoints);
