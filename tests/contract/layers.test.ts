import { fileURLToPath } from 'node:url';
import { cycles, importsOf, opensTransactions, readImports, transactionOwners, violations } from './imports.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));

describe('imports', () => {
  const imports = readImports(root, [
    ...['lib', 'functions', 'web', 'client/src', 'client/examples', 'cloud', 'local', 'bench', 'tools'],
  ]);

  it('go down the layers, and packages stay at home', () => {
    expect(violations(imports)).toEqual([]);
  });

  it('have no cycle', () => {
    expect(cycles(imports)).toEqual([]);
  });

  it.each(['lib/', 'functions/', 'web/', 'client/', 'cloud/', 'local/', 'bench/harness/', 'tools/'])(
    'of %s are read',
    (folder) => {
      expect([...imports.keys()].some((file) => file.startsWith(folder))).toBe(true);
    },
  );
});

describe('transactions', () => {
  it('are opened by services; a migration opens its own', () => {
    const owners = transactionOwners(root, ['lib', 'functions']);
    expect(owners).toContain('lib/services/rooms/sendMessage.ts');
    expect(owners.filter((file) => !/^lib\/(services|store\/migrations)\//.test(file))).toEqual([]);
  });

  it.each([
    ["import { type Transaction, transaction } from './database.ts';", true],
    ["import {\n  isDuplicateKey,\n  transaction,\n} from '../../store/database.ts';", true],
    ["import { type Transaction, trusted } from './database.ts';", false],
  ])('are found by their import: %j', (source, expected) => {
    expect(opensTransactions(source)).toBe(expected);
  });
});

describe('the check itself', () => {
  it.each([
    ['lib/domain/roles.ts', '../protocol/objects.ts'],
    ['lib/domain/roles.ts', 'zod'],
    ['lib/domain/roles.ts', 'node:crypto'],
    ['lib/protocol/objects.ts', '../store/users.ts'],
    ['lib/protocol/objects.ts', 'fast-check'],
    ['lib/protocol/objects.ts', 'node:crypto'],
    ['lib/protocol/routes/auth.ts', '../../errors/appError.ts'],
    ['lib/protocol/routes/auth.ts', '../../runtime/config.ts'],
    ['lib/runtime/config.ts', '../store/users.ts'],
    ['lib/store/users.ts', '../services/users.ts'],
    ['lib/store/users.ts', '../realtime/rooms.ts'],
    ['lib/auth/tokens.ts', '../http/stack.ts'],
    ['lib/services/users.ts', '../http/stack.ts'],
    ['lib/services/users.ts', '../../functions/users/createUser.ts'],
    ['lib/services/users.ts', '../../local/mongod.ts'],
    ['lib/services/users.ts', '../../tests/support/system.ts'],
    ['lib/services/users.ts', 'mongoose'],
    ['lib/services/users.ts', '@aws-sdk/client-apigatewaymanagementapi'],
    ['lib/services/users.ts', '@middy/core'],
    ['lib/http/stack.ts', 'jsonwebtoken'],
    ['lib/http/deep/stack.ts', '../../realtime/rooms.ts'],
    ['lib/http/stack.ts', '../services/users.ts'],
    ['lib/http/stack.ts', '../websocket/frames.ts'],
    ['functions/users/createUser.ts', '../../lib/store/users.ts'],
    ['functions/users/createUser.ts', '@middy/core'],
    ['functions/users/createUser.ts', '../auth.ts'],
    ['functions/users/createUser.ts', '../websocket/ping.ts'],
    ['lib/http/area.ts', '../../functions/auth.ts'],
    ['web/console/App.tsx', '../widget/panel.tsx'],
    ['web/console/inbox/List.tsx', '../../../lib/services/users.ts'],
    ['lib/newcomer/file.ts', './other.ts'],
    ['client/src/client.ts', '../../lib/domain/roles.ts'],
    ['client/src/client.ts', 'zod'],
    ['client/src/client.ts', 'node:crypto'],
    ['client/examples/chat.ts', '../src/index.ts'],
    ['cloud/roles.cjs', '../lib/runtime/config.ts'],
    ['local/mailbox.ts', '../lib/services/mail/sendMails.ts'],
    ['bench/report/page.ts', '../measures/cpu.ts'],
  ])('catches %s importing %s', (file, specifier) => {
    expect(violations(new Map([[file, [specifier]]]))).toEqual([expect.stringContaining(`${file}`)]);
  });

  it.each([
    ['lib/domain/permissions.ts', './roles.ts'],
    ['lib/protocol/objects.ts', 'zod'],
    ['lib/store/users.ts', 'mongoose'],
    ['lib/store/deep/users.ts', '../users.ts'],
    ['lib/store/users.ts', '../runtime/config.ts'],
    ['lib/http/stack.ts', '@middy/http-json-body-parser'],
    ['functions/users/createUser.ts', '../../lib/services/users.ts'],
    ['functions/operations/health.ts', '../../lib/store/database.ts'],
    ['functions/users.ts', './users/createUser.ts'],
    ['client/src/http.ts', '../../lib/protocol/client.ts'],
    ['client/src/client.ts', './http.ts'],
    ['client/examples/chat.ts', '@live-support/client'],
    ['functions/users.ts', '../lib/auth/startAhead.ts'],
    ['web/console/inbox/List.tsx', '../../shared/api.ts'],
    ['local/replicaSet.ts', 'mongoose'],
    ['bench/measures/send.ts', '../../tests/support/system.ts'],
  ])('lets %s import %s', (file, specifier) => {
    expect(violations(new Map([[file, [specifier]]]))).toEqual([]);
  });

  it('says what is wrong', () => {
    expect(violations(new Map([['lib/store/users.ts', ['../services/users.ts']]]))).toEqual([
      'lib/store/users.ts imports ../services/users.ts: lib/store may import from lib/errors, lib/runtime, lib/protocol, lib/domain',
    ]);
  });

  it('finds a cycle, and tells it once', () => {
    const loop = new Map([
      ['lib/a.ts', ['./b.ts', 'zod']],
      ['lib/b.ts', ['./c/d.ts']],
      ['lib/c/d.ts', ['../b.ts', './e.ts']],
      ['lib/c/e.ts', []],
    ]);
    expect(cycles(loop)).toEqual(['lib/b.ts → lib/c/d.ts → lib/b.ts']);
  });

  it('reads every way to import', () => {
    const source = [
      "import def from 'a';",
      "import { one, type Two } from './b.ts';",
      "import type { Three } from 'c';",
      "import {\n  four,\n  five as six,\n} from '../d.ts';",
      "import * as all from 'node:fs';",
      "import 'e';",
      "export { seven } from 'f';",
      "export * from 'g';",
      "const late = await import('h');",
      "const old = require('i');",
      "// import x from 'no';",
      " * import x from 'no';",
      'export const text = \'x from "no"\';',
    ].join('\n');
    expect(importsOf(source).sort()).toEqual(['../d.ts', './b.ts', 'a', 'c', 'e', 'f', 'g', 'h', 'i', 'node:fs']);
  });
});
