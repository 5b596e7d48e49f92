import { startAhead } from '../lib/auth/startAhead.ts';
import { httpArea } from '../lib/http/area.ts';
import { supervisorAnalytics } from './analytics/supervisorAnalytics.ts';
import { timeline } from './analytics/timeline.ts';

startAhead();

export const endpoints = [supervisorAnalytics, timeline];

export const handler = httpArea(endpoints);
