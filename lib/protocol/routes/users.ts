import * as z from 'zod/mini';
import { idSchema } from '../objects/common.ts';
import {
  capacitySchema,
  emailSchema,
  nameSchema,
  passwordResetSchema,
  passwordSchema,
  roleSchema,
  staffRoleSchema,
  userSchema,
} from '../objects/users.ts';
import { flag, listOf, listQuery, route } from '../route.ts';
import { schema } from '../schema.ts';

const userParams = /* @__PURE__ */ schema(() => z.strictObject({ userId: idSchema }));

export const createUser = /* @__PURE__ */ route(() => ({
  operation: 'createUser',
  method: 'POST',
  path: '/users',
  summary: 'Make a supervisor, an agent or an admin.',
  tag: 'users',
  body: schema(
    () =>
      z.strictObject({
        name: nameSchema,
        email: emailSchema,
        password: passwordSchema,
        role: staffRoleSchema,
        supervisorId: z.optional(idSchema),
      }),
    {
      description: '`supervisorId` is required for an agent, and refused for others. It names an active supervisor.',
      // The use case checks this. Here it is for the documents.
      if: { properties: { role: { const: 'agent' } } },
      // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema, in what nobody awaits.
      then: { required: ['supervisorId'] },
      else: { not: { required: ['supervisorId'] } },
    },
  ),
  status: 201,
  response: userSchema,
  repeat: {
    findOut: 'Look for the address in `GET /users`, or send it again: `EMAIL_TAKEN` says that somebody has it.',
  },
  errors: ['EMAIL_TAKEN', 'RATE_LIMITED'],
}));

export const listUsers = /* @__PURE__ */ route(() => ({
  operation: 'listUsers',
  method: 'GET',
  path: '/users',
  summary: 'List people; a supervisor sees their own agents.',
  tag: 'users',
  query: z.strictObject({
    role: z.optional(roleSchema),
    supervisorId: z.optional(idSchema),
    active: z.optional(flag),
    ...listQuery(),
  }),
  status: 200,
  response: () => listOf(userSchema()),
  repeat: 'safe',
  errors: [],
}));

export const getUser = /* @__PURE__ */ route(() => ({
  operation: 'getUser',
  method: 'GET',
  path: '/users/{userId}',
  summary: 'Read one person.',
  tag: 'users',
  params: userParams,
  status: 200,
  response: userSchema,
  repeat: 'safe',
  errors: ['NOT_FOUND'],
}));

export const updateUser = /* @__PURE__ */ route(() => ({
  operation: 'updateUser',
  method: 'PATCH',
  path: '/users/{userId}',
  summary:
    'Rename, give another address, move to another supervisor, deactivate or reactivate; `active: true` also lifts a block on signing in.',
  tag: 'users',
  params: userParams,
  body: schema(
    () =>
      z.strictObject({
        name: z.optional(nameSchema),
        email: z.optional(emailSchema),
        supervisorId: z.optional(idSchema),
        active: z.optional(z.boolean()),
      }),
    {
      description:
        '`supervisorId` is for agents only, and names an active supervisor. An agent is not reactivated under an inactive one.',
    },
  ),
  status: 200,
  response: userSchema,
  repeat: { findOut: 'Read the person. Sent again it would undo what somebody else has changed since.' },
  errors: ['NOT_FOUND', 'EMAIL_TAKEN', 'LAST_ADMIN', 'HAS_TEAM', 'CONFLICT', 'RATE_LIMITED'],
}));

export const eraseUser = /* @__PURE__ */ route(() => ({
  operation: 'eraseUser',
  method: 'POST',
  path: '/users/{userId}/erase',
  summary: 'Erase a candidate: their personal data and the text of their conversations are gone for good.',
  tag: 'users',
  params: userParams,
  status: 200,
  response: userSchema,
  repeat: 'safe',
  errors: ['NOT_FOUND', 'CONFLICT', 'RATE_LIMITED'],
}));

export const createPasswordReset = /* @__PURE__ */ route(() => ({
  operation: 'createPasswordReset',
  method: 'POST',
  path: '/users/{userId}/password-reset',
  summary: 'Make a link by which somebody sets a new password, to hand over by other means than mail.',
  tag: 'users',
  params: userParams,
  status: 201,
  response: passwordResetSchema,
  repeat: { findOut: 'Send it again: a link that you were not told of ends by itself, unused.' },
  errors: ['NOT_FOUND', 'NOT_CONFIGURED', 'CONFLICT', 'RATE_LIMITED'],
}));

export const sendAway = /* @__PURE__ */ route(() => ({
  operation: 'sendAway',
  method: 'PUT',
  path: '/users/{userId}/availability',
  summary: 'Send away an agent of yours who forgot to go. A renewal does not undo it.',
  tag: 'users',
  params: userParams,
  body: z.strictObject({ status: z.literal('away') }),
  status: 200,
  response: userSchema,
  repeat: { findOut: 'Read the person. Sent again it would send away an agent who has come back since.' },
  errors: ['NOT_FOUND', 'RATE_LIMITED'],
}));

export const setCapacity = /* @__PURE__ */ route(() => ({
  operation: 'setCapacity',
  method: 'PUT',
  path: '/users/{userId}/capacity',
  summary: 'Say how many conversations an agent may be given automatically. Takes nothing away.',
  tag: 'users',
  params: userParams,
  body: z.strictObject({ maxConversations: capacitySchema }),
  status: 200,
  response: userSchema,
  repeat: { findOut: 'Read the person. Sent again it would undo what somebody else has changed since.' },
  errors: ['NOT_FOUND', 'RATE_LIMITED'],
}));
