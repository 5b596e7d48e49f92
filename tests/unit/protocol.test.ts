import fc from 'fast-check';
import type { z } from 'zod/mini';
import { AppError } from '../../lib/errors/appError.ts';
import { validate } from '../../lib/errors/validate.ts';
import { ERROR_CODES, ERRORS } from '../../lib/protocol/errors.ts';
import { type ClientEvent, clientEvents, clientFrameSchema, socketRefusals } from '../../lib/protocol/events.ts';
import { idSchema, requestIdSchema, seqSchema, timestampSchema } from '../../lib/protocol/objects/common.ts';
import { clientMessageIdSchema, contentSchema, subjectSchema } from '../../lib/protocol/objects/conversations.ts';
import { emailSchema, givenPasswordSchema, nameSchema, passwordSchema } from '../../lib/protocol/objects/users.ts';
import type { Route } from '../../lib/protocol/route.ts';
import { refusals, routes } from '../../lib/protocol/routes.ts';
import { readTime } from '../../lib/protocol/time.ts';
import { converter } from '../../tools/schemas.ts';

/** Nothing to see, in as many ways as Unicode has. */
const BLANKS = [
  ...[
    ' ',
    '\n\t ',
    '\r',
    '\u0085',
    '\u00a0',
    '\u00ad',
    '\u034f',
    '\u061c',
    '\u115f',
    '\u1680',
    '\u17b4',
    '\u180e',
    '\u2003',
  ],
  ...[
    '\u200b',
    '\u200d',
    '\u200e',
    '\u2028',
    '\u202e',
    '\u202f',
    '\u2060',
    '\u2066',
    '\u2800',
    '\u3000',
    '\u3164',
    '\ufe0f',
  ],
  ...['\ufeff', '\uffa0', '\u{1d173}', '\u{e0001}', '\u{e0100}'],
];

const UNRULY = [
  ...['\n', '\r', '\t', '\v', '\u001b', '\u007f', '\u0085', '\u009b', '\u2028', '\u2029'],
  ...['\u202a', '\u202b', '\u202c', '\u202d', '\u202e', '\u2066', '\u2067', '\u2068', '\u2069'],
];

/** Four bytes of UTF-8, two UTF-16 units, one character. */
const EMOJI = '😀';
const LONE_SURROGATE = JSON.parse('"a\\ud83d"') as string;

/** The errors an input is refused with; anything but our own refusal is passed on. */
function errorsOf(schema: z.ZodMiniType, input: unknown, part = '/body') {
  try {
    validate(schema, input, part);
    return [];
  } catch (thrown) {
    if (!(thrown instanceof AppError) || thrown.code !== 'VALIDATION_FAILED') throw thrown;
    return thrown.errors ?? [];
  }
}

/** The same, a line each. */
const complaints = (schema: z.ZodMiniType, input: unknown): string[] =>
  errorsOf(schema, input, '').map(({ pointer, detail }) => `${pointer || '/'}: ${detail}`);

const accepts = (schema: z.ZodMiniType, input: unknown) => schema.safeParse(input).success;

describe('text fields', () => {
  describe.each([
    ['name', nameSchema, 1, 100],
    ['subject', subjectSchema, 1, 200],
    ['content', contentSchema, 1, 4000],
    ['password', passwordSchema, 8, 128],
    ['given password', givenPasswordSchema, 1, 128],
    ['clientMessageId', clientMessageIdSchema, 1, 64],
    ['requestId', requestIdSchema, 1, 64],
  ])('%s', (_, schema, min, max) => {
    it.each(['x', 'é', EMOJI])('counts characters, not bytes or units: %s', (character) => {
      expect(accepts(schema, character.repeat(min))).toBe(true);
      expect(accepts(schema, character.repeat(max))).toBe(true);
      expect(accepts(schema, character.repeat(min - 1))).toBe(false);
      expect(accepts(schema, character.repeat(max + 1))).toBe(false);
    });

    it.each([
      ['a lone surrogate', LONE_SURROGATE.padStart(10, 'x')],
      ['U+0000', 'xxxxxxxx\u0000xx'],
      ['an array', ['xxxxxxxxxx']],
      ['a number', 1234567890],
      ['null', null],
      ['nothing', undefined],
      ['an object', { toString: 'xxxxxxxxxx' }],
    ])('refuses %s', (_, value) => {
      expect(accepts(schema, value)).toBe(false);
    });

    it('keeps what it accepts as it is', () => {
      const text = `  ${EMOJI} <b>e\u0301</b>\u00a0 `;
      expect(schema.parse(text)).toBe(text);
    });
  });

  it.each([
    ['name', nameSchema],
    ['subject', subjectSchema],
    ['content', contentSchema],
  ])('%s must not be blank', (_, schema) => {
    for (const blank of BLANKS) expect([blank, accepts(schema, blank)]).toEqual([blank, false]);
    expect(accepts(schema, BLANKS.join(''))).toBe(false);
    for (const seen of [' x ', '\u200bx', '.', '\ufffd', '\u0301', '\u{1f44d}\u{1f3fd}']) {
      expect([seen, accepts(schema, seen)]).toEqual([seen, true]);
    }
  });

  it.each([
    ['name', nameSchema],
    ['subject', subjectSchema],
  ])('%s has no line breaks, control characters or bidirectional overrides', (_, schema) => {
    for (const unruly of UNRULY) {
      expect(complaints(schema, `a${unruly}b`)).toEqual([
        '/: must not contain line breaks, control characters or bidirectional overrides',
      ]);
    }
    // Marks of direction, and what joins or parts letters, belong to some languages' text.
    for (const mark of ['\u200e', '\u200f', '\u061c', '\u200c', '\u200d', '\u00a0']) {
      expect([mark, accepts(schema, `a${mark}b`)]).toEqual([mark, true]);
    }
  });

  it('content has any of them: it is shown by itself', () => {
    for (const unruly of UNRULY) expect(accepts(contentSchema, `a${unruly}b`)).toBe(true);
  });

  it('says what is wrong', () => {
    expect(complaints(nameSchema, '')).toContain('/: must have 1 to 100 characters');
    expect(complaints(nameSchema, LONE_SURROGATE)).toEqual(['/: must be well-formed Unicode']);
    expect(complaints(nameSchema, 'a\u0000')).toEqual(['/: must not contain U+0000']);
    expect(complaints(contentSchema, '  ')).toEqual(['/: must not be blank']);
  });
});

describe('emailSchema', () => {
  const local = 'a'.repeat(64);
  const ofLength = (length: number) => `${local}@${'b'.repeat(60)}.${'c'.repeat(length - 64 - 1 - 60 - 1 - 4)}.com`;

  it.each([
    'kim@example.com',
    'Kim.Lee+chat@Sub.Example.CO.UK',
    "o'neil@example.com",
    'tom&jerry@example.com',
    'user/x@example.com',
    'x@xn--e1afmkfd.xn--p1ai',
    "!#$%&'*+-/=?^_`{|}~@example.com",
    '-@example.com',
    '1@1.1',
    'kim@localhost',
    `${local}@example.com`,
    `x@${'b'.repeat(63)}.com`,
    'x@a-b--c.com',
  ])('accepts %s', (email) => {
    expect(emailSchema.parse(email)).toBe(email);
  });

  it.each([
    '',
    'kim',
    'kim@',
    '@example.com',
    `${local}a@example.com`,
    'x@b-.com',
    'x@-b.com',
    'x@a.b-',
    'x@b_c.com',
    'x@b..com',
    'x@.com',
    'x@example.com.',
    `x@${'b'.repeat(64)}.com`,
    '.x@example.com',
    'x.@example.com',
    'x..y@example.com',
    '"x y"@example.com',
    '"x"@example.com',
    'x@[127.0.0.1]',
    'x(comment)@example.com',
    'x\u00fc@example.com',
    'x@b\u00fc.example',
    'kim@@example.com',
    'kim lee@example.com',
    ' kim@example.com',
    'kim@example.com\n',
    'kim@example.com\u0000',
    'kim@example.com,lee@example.com',
    LONE_SURROGATE,
    ['kim@example.com'],
    { $gt: '' },
    null,
  ])('refuses %j', (email) => {
    expect(accepts(emailSchema, email)).toBe(false);
  });

  it('has at most 254 characters', () => {
    expect(ofLength(255)).toHaveLength(255);
    expect(complaints(emailSchema, ofLength(255))).toEqual(['/: must have at most 254 characters']);
    expect(complaints(emailSchema, `${'a'.repeat(1_000_000)}@example.com`)).toHaveLength(1);
  });
});

describe('the documents', () => {
  const converted = converter('draft-2020-12');

  // Text that is nearly right, or nearly wrong: most of it of what the rules are about.
  const tricky = fc.string({
    unit: fc.oneof(
      fc.constantFrom('x', 'é', EMOJI, '.', '@', '-', 'example.com', '\u0000', ...BLANKS, ...UNRULY),
      fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }),
    ),
    maxLength: 6,
  });

  it.each([
    ['name', nameSchema],
    ['subject', subjectSchema],
    ['content', contentSchema],
    ['password', givenPasswordSchema],
    ['clientMessageId', clientMessageIdSchema],
    ['email', emailSchema],
  ])('say of a %s what is taken, and nothing else', (_, schema) => {
    const {
      pattern,
      minLength = 0,
      maxLength,
    } = converted.input(schema) as {
      pattern: string;
      minLength?: number;
      maxLength: number;
    };
    // Spelled out: not every language's expressions know Unicode's properties.
    expect(pattern).not.toMatch(/\\[pu]/);
    // And with any flags.
    const documented = new RegExp(pattern, 'u');
    expect(() => new RegExp(pattern)).not.toThrow();
    const fits = (text: string) =>
      documented.test(text) && [...text].length >= minLength && [...text].length <= maxLength;
    fc.assert(
      fc.property(tricky, (given) => {
        // The document knows no invisible characters beyond U+FFFF.
        const text = given.replaceAll(/(?![\0-\uffff])\p{Default_Ignorable_Code_Point}/gu, '\u200b');
        expect(accepts(schema, text)).toBe(fits(text) && text.isWellFormed());
      }),
      { numRuns: 500 },
    );
    for (const email of ['tom&jerry@example.com', 'x@b-.com', `${'a'.repeat(65)}@example.com`]) {
      expect(accepts(schema, email)).toBe(fits(email));
    }
  });
});

describe('ids, numbers and times', () => {
  it.each(['a', 'A-z_9', '5f1c2a52-93a4-4b83-8c0e-0a3c4c0b7d11', 'x'.repeat(64)])('id %s', (id) => {
    expect(accepts(idSchema, id)).toBe(true);
  });

  it.each(['', 'x'.repeat(65), 'a b', 'a/b', '../a', 'a\n', 'é', '$ne', ['a'], { $ne: null }, 1, null])(
    'no id: %j',
    (id) => {
      expect(accepts(idSchema, id)).toBe(false);
    },
  );

  it('a seq is a whole number, 0 or more', () => {
    for (const seq of [0, 1, Number.MAX_SAFE_INTEGER]) expect(accepts(seqSchema, seq)).toBe(true);
    for (const seq of [-1, 0.5, 1e300, Number.NaN, '1', null, [1]]) expect(accepts(seqSchema, seq)).toBe(false);
  });

  it.each([
    ['2026-01-31T09:30:00Z', '2026-01-31T09:30:00.000Z'],
    ['2026-01-31t09:30:00z', '2026-01-31T09:30:00.000Z'],
    ['2026-01-31T09:30:00.123Z', '2026-01-31T09:30:00.123Z'],
    ['2026-01-31T09:30:00.1Z', '2026-01-31T09:30:00.100Z'],
    ['2026-01-31T09:30:00.123999999999999999Z', '2026-01-31T09:30:00.123Z'],
    ['2024-02-29T23:59:59+05:30', '2024-02-29T18:29:59.000Z'],
    ['2026-01-31T09:30:00-00:00', '2026-01-31T09:30:00.000Z'],
    ['0000-02-29T00:00:00Z', '0000-02-29T00:00:00.000Z'],
    ['0099-12-31T23:59:59Z', '0099-12-31T23:59:59.000Z'],
    ['2016-12-31T23:59:60Z', '2017-01-01T00:00:00.000Z'],
    ['2016-12-31T23:59:60.25Z', '2017-01-01T00:00:00.250Z'],
    ['1990-12-31T15:59:60-08:00', '1991-01-01T00:00:00.000Z'],
    ['1960-06-30T23:59:60z', '1960-07-01T00:00:00.000Z'],
  ])('time %s is %s', (time, utc) => {
    expect(accepts(timestampSchema, time)).toBe(true);
    expect(readTime(time)?.toISOString()).toBe(utc);
  });

  it.each([
    ...['2026-01-31', '2026-01-31T09:30:00', '2026-01-31T09:30Z', '2026-02-29T00:00:00Z', '1900-02-29T00:00:00Z'],
    ...['2026-00-10T00:00:00Z', '2026-13-10T00:00:00Z', '2026-04-31T00:00:00Z', '2026-01-00T00:00:00Z'],
    ...['2026-01-31T24:00:00Z', '2026-01-31T09:60:00Z', '2026-01-31T09:30:61Z', '2026-01-31T09:30:00.Z'],
    // No leap second: not at the end of a month, in UTC.
    ...['2026-01-31T09:30:60Z', '2016-12-30T23:59:60Z', '2016-12-31T23:59:60+01:00'],
    ...['2026-01-31T09:30:00+24:00', '2026-01-31T09:30:00+05:60', '2026-01-31T09:30:00+0530', '2026-01-31 09:30:00Z'],
    ...[
      '+002026-01-31T09:30:00Z',
      '26-01-31T09:30:00Z',
      '2026-01-31T09:30:00Z ',
      '2026-01-31T09:30:00Z\n',
      'now',
      0,
      null,
    ],
  ])('no time: %j', (time) => {
    expect(accepts(timestampSchema, time)).toBe(false);
  });
});

describe('query strings', () => {
  const conversations = routes.listConversations.query;
  const messages = routes.listMessages.query;

  it('have defaults', () => {
    expect(conversations.parse({})).toEqual({ limit: 20 });
    expect(messages.parse({})).toEqual({ limit: 50, afterSeq: 0 });
    expect(routes.supervisorAnalytics.query.parse({})).toEqual({});
  });

  it('are read as what they stand for', () => {
    expect(conversations.parse({ limit: '100', status: 'open' })).toEqual({ limit: 100, status: 'open' });
    expect(messages.parse({ limit: '200', afterSeq: '7' })).toEqual({ limit: 200, afterSeq: 7 });
    expect(routes.listUsers.query.parse({ active: 'false' })).toMatchObject({ active: false });
    expect(routes.supervisorAnalytics.query.parse({ from: '2026-01-31T10:30:00+01:00' })).toEqual({
      from: new Date('2026-01-31T09:30:00Z'),
    });
  });

  it.each(['0', '101', '1e9', '-1', '1.5', ' 5', '5 ', '+5', '0x10', '', 'ten', '٣', '99999999999999999999', ['5'], 5])(
    'limit=%j is refused',
    (limit) => {
      expect(accepts(conversations, { limit })).toBe(false);
    },
  );

  it.each(['-1', '1e3', '1.0', '', ' ', 'NaN', '9'.repeat(16), ['1']])('afterSeq=%j is refused', (afterSeq) => {
    expect(accepts(messages, { afterSeq })).toBe(false);
  });

  it('limits differ by route', () => {
    expect(complaints(conversations, { limit: '101' })).toEqual(['/limit: must be a whole number from 1 to 100']);
    expect(complaints(messages, { limit: '201' })).toEqual(['/limit: must be a whole number from 1 to 200']);
    expect(complaints(messages, { limit: '0' })).toEqual(['/limit: must be a whole number from 1 to 200']);
  });

  it.each(['9999-12-31T23:59:59-00:01', '0000-01-01T00:00:00+00:01'])('from=%s is no time in UTC', (from) => {
    expect(complaints(routes.supervisorAnalytics.query, { from })).toEqual([
      '/from: must be within the years 0000 to 9999',
    ]);
  });

  it.each(['True', '1', '', 'yes'])('active=%j is refused', (active) => {
    expect(accepts(routes.listUsers.query, { active })).toBe(false);
  });

  it('refuses a status or role there is not', () => {
    expect(accepts(conversations, { status: 'archived' })).toBe(false);
    expect(accepts(routes.listUsers.query, { role: 'root' })).toBe(false);
    expect(accepts(routes.listUsers.query, { role: 'toString' })).toBe(false);
  });
});

/** Every schema that input from outside is held against, with the fields it knows. */
const INPUTS: [string, z.ZodMiniType<Record<string, unknown>>][] = [
  ...Object.values<Route>(routes).flatMap((route) =>
    (['params', 'query', 'body'] as const).flatMap((part): [string, z.ZodMiniType<Record<string, unknown>>][] => {
      const schema = route[part];
      return schema ? [[`${route.operation} ${part}`, schema]] : [];
    }),
  ),
  ...Object.values<ClientEvent>(clientEvents).map((event): [string, z.ZodMiniType<Record<string, unknown>>] => [
    event.event,
    event.data,
  ]),
  ['frame', clientFrameSchema],
];

const fieldsOf = (schema: z.ZodMiniType): string[] => Object.keys((schema as z.ZodMiniObject).shape);

describe.each(INPUTS)('%s', (_, schema) => {
  it('names the fields it does not know', () => {
    const result = schema.safeParse({ intruder: 1, another: 2 });
    const issues = result.success ? [] : result.error.issues;
    expect(issues).toContainEqual(
      expect.objectContaining({ code: 'unrecognized_keys', keys: ['intruder', 'another'] }),
    );
  });

  it.each(['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty'])('does not know %s', (key) => {
    const result = schema.safeParse(JSON.parse(`{${JSON.stringify(key)}:{"admin":true}}`));
    const issues = result.success ? [] : result.error.issues;
    expect(issues).toContainEqual(expect.objectContaining({ code: 'unrecognized_keys', keys: [key] }));
  });

  it.each([[[]], [[{}]], ['{}'], [null], [undefined], [0], [true]])('refuses %j where an object belongs', (input) => {
    expect(accepts(schema, input)).toBe(false);
  });

  it('answers any JSON with a verdict, and lets nothing through but its own fields', () => {
    const fields = fieldsOf(schema);
    const plausible = fc.oneof(
      fc.jsonValue({ maxDepth: 2 }),
      fc.constantFrom(
        'a',
        'true',
        '1',
        'open',
        'agent',
        'kim@example.com',
        '2026-01-31T09:30:00Z',
        'PING',
        'x'.repeat(8),
        {},
      ),
    );
    const anyObject = fc.record(Object.fromEntries(fields.map((field) => [field, plausible])), { requiredKeys: [] });
    fc.assert(
      fc.property(fc.oneof({ weight: 3, arbitrary: anyObject }, fc.jsonValue({ maxDepth: 3 })), (input) => {
        const result = schema.safeParse(input);
        if (result.success) expect(fields).toEqual(expect.arrayContaining(Object.keys(result.data)));
        else expect(result.error.issues.length).toBeGreaterThan(0);
      }),
      { numRuns: 100 },
    );
  });
});

describe('what a client sends', () => {
  it('register', () => {
    const body = { name: 'Kim', email: 'kim@example.com', password: 'demo-Passw0rd' };
    expect(routes.register.body.parse(body)).toEqual(body);
    expect(complaints(routes.register.body, { name: [], password: 'short' })).toEqual([
      expect.stringMatching(/^\/name: /),
      expect.stringMatching(/^\/email: /),
      '/password: must have 8 to 128 characters',
    ]);
    expect(accepts(routes.register.body, { ...body, role: 'admin' })).toBe(false);
  });

  it('createUser makes no candidate', () => {
    const body = { name: 'Kim', email: 'kim@example.com', password: 'demo-Passw0rd' };
    const roles = ['admin', 'supervisor', 'agent', 'candidate'];
    expect(roles.filter((role) => accepts(routes.createUser.body, { ...body, role }))).toEqual([
      'admin',
      'supervisor',
      'agent',
    ]);
  });

  it('a frame', () => {
    const frame = { event: 'PING', data: {}, requestId: '1' };
    expect(clientFrameSchema.parse(frame)).toEqual(frame);
    for (const wrong of [
      { event: 'PING' },
      { data: {} },
      { ...frame, data: [] },
      { ...frame, data: null },
      { ...frame, requestId: '' },
    ]) {
      expect(accepts(clientFrameSchema, wrong)).toBe(false);
    }
  });

  it('a frame hands its data on untouched, so that the event names what it does not know', () => {
    const data = JSON.parse('{"__proto__":{"conversationId":"c1"}}') as unknown;
    const frame = clientFrameSchema.parse({ event: 'PING', data });
    expect(frame.data).toBe(data);
    expect(complaints(clientEvents.PING.data, frame.data)).toEqual(['/__proto__: is not a known field']);
  });

  it('SEND_MESSAGE', () => {
    const data = { conversationId: 'c1', content: EMOJI.repeat(4000), clientMessageId: 'm1' };
    expect(clientEvents.SEND_MESSAGE.data.parse(data)).toEqual(data);
    expect(accepts(clientEvents.SEND_MESSAGE.data, { ...data, senderId: 'somebody-else' })).toBe(false);
    expect(accepts(clientEvents.SEND_MESSAGE.data, { ...data, clientMessageId: null })).toBe(false);
  });
});

describe('validate', () => {
  it('returns what it accepts, as the schema reads it', () => {
    expect(validate(routes.listMessages.query, { afterSeq: '3' }, '/query')).toEqual({ afterSeq: 3, limit: 50 });
  });

  it('points at every field at fault', () => {
    expect(errorsOf(routes.login.body, { email: 'kim', password: '', admin: true, 'a/b~c': 1 })).toEqual([
      { pointer: '/body/email', detail: 'must be an e-mail address' },
      { pointer: '/body/password', detail: 'must have 1 to 128 characters' },
      { pointer: '/body/admin', detail: 'is not a known field' },
      { pointer: '/body/a~1b~0c', detail: 'is not a known field' },
    ]);
    expect(errorsOf(clientFrameSchema, { event: 'PING', data: {}, id: 1 }, '')).toEqual([
      { pointer: '/id', detail: 'is not a known field' },
    ]);
  });

  it('stays short, and can be written as UTF-8, whatever it is sent', () => {
    const key = fc.string({ unit: 'binary', maxLength: 200 });
    fc.assert(
      fc.property(fc.dictionary(key, fc.jsonValue({ maxDepth: 1 }), { maxKeys: 50 }), (input) => {
        const errors = errorsOf(routes.createConversation.body, input);
        expect(errors.length).toBeLessThanOrEqual(12);
        for (const { pointer } of errors) {
          expect(pointer.isWellFormed()).toBe(true);
          expect(pointer.length).toBeLessThan(200);
        }
      }),
      { numRuns: 100 },
    );
    expect(errorsOf(routes.createConversation.body, { subject: 'x', ['x'.repeat(63) + EMOJI]: 1 })).toEqual([
      { pointer: `/body/${'x'.repeat(63)}\ufffd`, detail: 'is not a known field' },
    ]);
  });
});

describe('the error catalogue', () => {
  it('has a sentence for every code', () => {
    for (const code of ERROR_CODES) expect(new AppError(code).message).toMatch(/^\S.*\.$/);
  });

  it('HTTP routes refuse with HTTP codes only, client events with socket codes only', () => {
    for (const route of Object.values<Route>(routes)) {
      for (const code of refusals(route)) expect(ERRORS[code].status).not.toBeNull();
    }
    for (const event of Object.values<ClientEvent>(clientEvents)) {
      for (const code of socketRefusals(event)) expect(ERRORS[code].socket).toBe(true);
    }
  });

  it('every code is met somewhere', () => {
    const met = new Set([
      ...Object.values<Route>(routes).flatMap(refusals),
      ...Object.values<ClientEvent>(clientEvents).flatMap(socketRefusals),
      'UNKNOWN_EVENT',
      // Answers nothing: it is told to the oldest of too many connections.
      'TOO_MANY_CONNECTIONS',
    ]);
    expect(ERROR_CODES.filter((code) => !met.has(code))).toEqual([]);
  });

  it('an operation is known by its own name', () => {
    for (const [name, route] of Object.entries(routes)) expect(route.operation).toBe(name);
    for (const [name, event] of Object.entries(clientEvents)) expect(event.event).toBe(name);
  });
});
