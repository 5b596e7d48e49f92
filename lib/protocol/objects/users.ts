import * as z from 'zod/mini';
import { AVAILABILITIES, MOST_CAPACITY } from '../../domain/desk.ts';
import { ROLES, STAFF_ROLES } from '../../domain/roles.ts';
import { answerSchema, oneLine, schema, text } from '../schema.ts';
import { EMAIL, EMAIL_PATTERN } from '../text.ts';
import { idSchema, timestampSchema } from './common.ts';

export const nameSchema = /* @__PURE__ */ oneLine(1, 100);

export const emailSchema = /* @__PURE__ */ schema(
  () =>
    z.pipe(
      z.string().check(z.maxLength(254, { error: 'must have at most 254 characters', abort: true })),
      z.email({ pattern: EMAIL, error: 'must be an e-mail address' }),
    ),
  {
    description: 'What RFC 5321 and browsers both take for an e-mail address. Compared without regard to case.',
    format: 'email',
    pattern: EMAIL_PATTERN,
    examples: ['kim@example.com'],
  },
);

export const passwordSchema = /* @__PURE__ */ text(8, 128);

/** A password that somebody claims to have. Its length is bounded, but today's rules for passwords don't apply. */
export const givenPasswordSchema = /* @__PURE__ */ text(1, 128);

export const roleSchema = /* @__PURE__ */ schema(() => z.enum(ROLES), {
  id: 'Role',
  description: 'A candidate is the customer.',
});

export const staffRoleSchema = /* @__PURE__ */ schema(() => z.enum(STAFF_ROLES), { id: 'StaffRole' });

export const availabilitySchema = /* @__PURE__ */ schema(() => z.enum(AVAILABILITIES), {
  id: 'Availability',
  description: 'An available agent of an automatic team is given conversations.',
});

export const capacitySchema = /* @__PURE__ */ schema(() => z.int().check(z.minimum(0), z.maximum(MOST_CAPACITY)), {
  description: 'How many conversations an agent may be given automatically. By hand it may be exceeded.',
});

export const userSchema = /* @__PURE__ */ answerSchema(
  () =>
    z.object({
      id: idSchema,
      name: z.string(),
      email: schema(() => z.nullable(z.string()), {
        description: '`null` for an erased user, and for a customer who came without one.',
      }),
      role: roleSchema,
      supervisorId: z.nullable(idSchema),
      active: z.boolean(),
      createdAt: timestampSchema,
      maxConversations: schema(() => z.nullable(z.int()), {
        description: 'The capacity of an agent; `null` for others.',
      }),
      availability: schema(() => z.nullable(availabilitySchema), { description: 'Of an agent; `null` for others.' }),
    }),
  { id: 'User' },
);
export type User = z.infer<ReturnType<typeof userSchema>>;

/** What the company may say of a customer, beside who they are. */
export const identityClaimsSchema = /* @__PURE__ */ schema(() =>
  z.object({ name: z.optional(nameSchema), email: z.optional(emailSchema) }),
);

export const sessionSchema = /* @__PURE__ */ answerSchema(
  () =>
    z.object({
      user: userSchema(),
      accessToken: z.string(),
      refreshToken: z.string(),
      tokenType: z.literal('Bearer'),
      expiresIn: schema(() => z.int(), { description: 'Seconds until the access token expires.' }),
    }),
  { id: 'Session' },
);
export type Session = z.infer<ReturnType<typeof sessionSchema>>;

export const passwordResetSchema = /* @__PURE__ */ answerSchema(
  () =>
    z.object({
      url: schema(() => z.string(), {
        description: 'The link, with the token in its fragment. It works once; using one ends all links of the user.',
        format: 'uri',
      }),
      expiresAt: timestampSchema,
    }),
  { id: 'PasswordReset' },
);
export type PasswordReset = z.infer<ReturnType<typeof passwordResetSchema>>;
