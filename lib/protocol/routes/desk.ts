import { deskSchema, routingBodySchema, routingSchema } from '../objects/desk.ts';
import { route } from '../route.ts';

export const getRouting = /* @__PURE__ */ route(() => ({
  operation: 'getRouting',
  method: 'GET',
  path: '/routing',
  summary: 'Read how your team gets its conversations.',
  tag: 'desk',
  status: 200,
  response: routingSchema,
  repeat: 'safe',
  errors: [],
}));

export const setRouting = /* @__PURE__ */ route(() => ({
  operation: 'setRouting',
  method: 'PUT',
  path: '/routing',
  summary: 'Say how your team gets its conversations.',
  tag: 'desk',
  body: routingBodySchema,
  status: 200,
  response: routingSchema,
  repeat: 'safe',
  errors: ['RATE_LIMITED'],
}));

export const getDesk = /* @__PURE__ */ route(() => ({
  operation: 'getDesk',
  method: 'GET',
  path: '/desk',
  summary: 'Ask whether anybody is available; the answer may be 30 seconds old.',
  tag: 'desk',
  status: 200,
  response: deskSchema,
  repeat: 'safe',
  errors: [],
}));
