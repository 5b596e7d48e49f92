import * as z from 'zod/mini';
import {
  emailSchema,
  givenPasswordSchema,
  nameSchema,
  passwordSchema,
  sessionSchema,
  userSchema,
} from '../objects/users.ts';
import { route } from '../route.ts';
import { schema } from '../schema.ts';

const refreshTokenSchema = /* @__PURE__ */ schema(() =>
  z
    .string()
    .check(z.minLength(1, { error: 'is required' }), z.maxLength(512, { error: 'is not a refresh token of ours' })),
);

export const register = /* @__PURE__ */ route(() => ({
  operation: 'register',
  method: 'POST',
  path: '/auth/register',
  summary: 'Register as a candidate and sign in.',
  tag: 'auth',
  body: z.strictObject({ name: nameSchema, email: emailSchema, password: passwordSchema }),
  status: 201,
  response: sessionSchema,
  repeat: { findOut: 'Sign in with this address and password: that works where it was done.' },
  errors: ['EMAIL_TAKEN', 'RATE_LIMITED'],
}));

export const login = /* @__PURE__ */ route(() => ({
  operation: 'login',
  method: 'POST',
  path: '/auth/login',
  summary: 'Sign in.',
  tag: 'auth',
  body: z.strictObject({ email: emailSchema, password: givenPasswordSchema }),
  status: 200,
  response: sessionSchema,
  repeat: { findOut: 'Sign in again: a session that you were not told of ends by itself, unused.' },
  errors: ['INVALID_CREDENTIALS', 'RATE_LIMITED'],
}));

const signedTokenSchema = /* @__PURE__ */ schema(() => z.string().check(z.minLength(1, { error: 'is required' })));

export const exchangeIdentity = /* @__PURE__ */ route(() => ({
  operation: 'exchangeIdentity',
  method: 'POST',
  path: '/auth/exchange',
  summary: 'Sign in a customer whom the company vouches for, by a token of the company’s.',
  tag: 'auth',
  body: z.strictObject({
    token: schema(() => signedTokenSchema, {
      description:
        'A JWT of the company’s backend: HS256, `kid`, `aud` "live-support-identity", `sub`, `iat`, `exp` at most an hour after `iat`; optional `name` and `email`.',
    }),
    visitorToken: schema(() => z.optional(z.string()), {
      description:
        'The access token of a visitor, whose conversations become the customer’s. Ignored where it is not one of a signed-in visitor.',
    }),
  }),
  status: 200,
  response: sessionSchema,
  repeat: { findOut: 'Send it again: a session that you were not told of ends by itself, unused.' },
  errors: ['INVALID_TOKEN', 'NOT_CONFIGURED', 'RATE_LIMITED'],
}));

export const createVisitor = /* @__PURE__ */ route(() => ({
  operation: 'createVisitor',
  method: 'POST',
  path: '/auth/visitor',
  summary: 'Sign in as a visitor: a candidate without address or password.',
  tag: 'auth',
  body: z.strictObject({ name: z.optional(nameSchema) }),
  status: 201,
  response: sessionSchema,
  repeat: { findOut: 'Send it again: a visitor that you were not told of goes by itself, unused.' },
  errors: ['NOT_CONFIGURED', 'RATE_LIMITED'],
}));

export const refreshSession = /* @__PURE__ */ route(() => ({
  operation: 'refreshSession',
  method: 'POST',
  path: '/auth/refresh',
  summary:
    'Trade a refresh token for two new tokens. A repeat within 30 seconds gets the same ones; later reuse ends the session.',
  tag: 'auth',
  body: z.strictObject({ refreshToken: refreshTokenSchema }),
  status: 200,
  response: sessionSchema,
  repeat: { safeWithin: '30 seconds', findOut: 'Sign in again: it would pass for a theft.' },
  errors: ['INVALID_TOKEN', 'RATE_LIMITED'],
}));

export const logout = /* @__PURE__ */ route(() => ({
  operation: 'logout',
  method: 'POST',
  path: '/auth/logout',
  summary: 'End this session: its refresh token, its access tokens and its sockets.',
  tag: 'auth',
  status: 204,
  response: null,
  repeat: { findOut: 'Send it again: `INVALID_TOKEN` says that the session has ended.' },
  errors: [],
}));

export const getMe = /* @__PURE__ */ route(() => ({
  operation: 'getMe',
  method: 'GET',
  path: '/auth/me',
  summary: 'Who am I?',
  tag: 'auth',
  status: 200,
  response: userSchema,
  repeat: 'safe',
  errors: [],
}));

export const changePassword = /* @__PURE__ */ route(() => ({
  operation: 'changePassword',
  method: 'PUT',
  path: '/auth/password',
  summary: 'Change the password and end the other sessions.',
  tag: 'auth',
  body: z.strictObject({ currentPassword: givenPasswordSchema, newPassword: passwordSchema }),
  status: 204,
  response: null,
  repeat: 'safe',
  errors: ['INVALID_CREDENTIALS', 'RATE_LIMITED'],
}));

/** Any text: what is no token of ours is refused as one that has expired. */
const resetTokenSchema = /* @__PURE__ */ schema(() =>
  z.string().check(z.minLength(1, { error: 'is required' }), z.maxLength(512, { error: 'is not a token of ours' })),
);

export const forgotPassword = /* @__PURE__ */ route(() => ({
  operation: 'forgotPassword',
  method: 'POST',
  path: '/auth/password/forgot',
  summary: 'Have a link mailed by which one sets a new password. The answer is the same whoever it is.',
  tag: 'auth',
  body: z.strictObject({ email: emailSchema }),
  status: 202,
  response: null,
  repeat: { findOut: 'Send it again: at worst there are two mails, and both links work.' },
  errors: ['NOT_CONFIGURED', 'RATE_LIMITED'],
}));

export const resetPassword = /* @__PURE__ */ route(() => ({
  operation: 'resetPassword',
  method: 'POST',
  path: '/auth/password/reset',
  summary: 'Set a new password by the token of a link. All sessions end, and failed sign-ins are forgotten.',
  tag: 'auth',
  body: z.strictObject({ token: resetTokenSchema, newPassword: passwordSchema }),
  status: 204,
  response: null,
  repeat: { findOut: 'Sign in with the new password: that works where it was done.' },
  errors: ['INVALID_TOKEN', 'RATE_LIMITED'],
}));
