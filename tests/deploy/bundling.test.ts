import { mkdtemp, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { bundle } from './bundle.ts';

/**
 * What bundling does to the packages it takes in must not show: names that the code goes by, and the MongoDB driver's
 * URL parser being Node's own.
 */

type ErrorClass = { readonly name: string; readonly prototype: { readonly name: unknown } };
type Mongoose = { readonly mongo: object; readonly Error: object; readonly Schema: { readonly Types: object } };
type ConnectionString = {
  readonly protocol: string;
  readonly username: string;
  readonly password: string;
  readonly hosts: readonly string[];
  readonly pathname: string;
  readonly searchParams: URLSearchParams;
  toString(): string;
  redact(): { toString(): string };
};
interface Packages {
  readonly mongoose: Mongoose;
  readonly ConnectionString: new (uri: string) => ConnectionString;
}

const require = createRequire(import.meta.url);
const installed: Packages = {
  // As it was installed, not as jest.config.js has it for the tests.
  mongoose: require('mongoose/index.js'),
  ConnectionString: require('mongodb-connection-string-url').ConnectionString,
};
let folder: string;
let bundled: Packages;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'live-support-bundle-'));
  const outfile = join(folder, 'packages.cjs');
  await bundle(
    `import mongoose from 'mongoose';
     import { ConnectionString } from 'mongodb-connection-string-url';
     export { mongoose, ConnectionString };`,
    outfile,
  );
  bundled = require(outfile);
});

afterAll(() => rm(folder, { recursive: true, force: true }));

/** By these errors are told apart, and fields cast. */
function names({ mongoose }: Packages): unknown[][] {
  const errors = Object.entries({ ...mongoose.mongo, ...mongoose.Error }).flatMap(([key, made]) =>
    typeof made === 'function' && made.prototype instanceof Error ? [[key, nameOf(made as ErrorClass)]] : [],
  );
  const types = Object.entries(mongoose.Schema.Types).map(([key, type]) => [key, (type as ErrorClass).name]);
  return [...errors, ...types];
}

/** As its instances have it; some work it out of what their constructor sets. */
function nameOf({ prototype }: ErrorClass): unknown {
  try {
    return prototype.name;
  } catch {
    return 'worked out';
  }
}

it('leaves every error and type of the database its name', () => {
  expect(names(bundled)).toEqual(names(installed));
  expect(names(installed).length).toBeGreaterThan(70);
});

/** What is read out of a database's address, or that it is refused. */
function read({ ConnectionString }: Packages, uri: string) {
  try {
    const parsed = new ConnectionString(uri);
    const { protocol, username, password, hosts, pathname, searchParams } = parsed;
    return {
      ...{ protocol, username, password, hosts, pathname },
      options: [...searchParams.keys()].map((key) => [key, searchParams.get(key)]),
      text: parsed.toString(),
      redacted: parsed.redact().toString(),
    };
  } catch (error) {
    return { refused: (error as Error).name };
  }
}

it.each([
  'mongodb+srv://user:pass@cluster0.ab1cd.mongodb.net/live-support?retryWrites=true&w=majority&appName=Live%20Support',
  'mongodb+srv://us%40er:p%3Aa%2Fss%25word@cluster0.ab1cd.mongodb.net/live-support',
  'mongodb://a.example:27017,b.example:27018,c.example/live?replicaSet=rs0&tls=true&readPreferenceTags=dc:east,use:web',
  'mongodb://127.0.0.1:27017/?directConnection=true',
  'mongodb://[::1]:27017,[fe80::1%25en0]/db',
  'mongodb://%2Ftmp%2Fmongodb-27017.sock/db',
  'mongodb://user@host/db?authMechanism=MONGODB-X509&authSource=$external',
  'mongodb://ünïcode.example/db?appName=Grüße',
  'mongodb://host/db?ReplicaSet=a&replicaset=b',
  'mongodb://host',
  'mongodb://',
  'mongodb://host:99999/db',
  'mongodb+srv://a,b/db',
  'mongodb+srv://host:27017/db',
  'http://host/db',
  'mongodb://us:er:pa@ss@host/db',
  'mongodb://host/db with space?x=1#fragment',
])('reads %s as the driver does by itself', (uri) => {
  expect(read(bundled, uri)).toEqual(read(installed, uri));
});

it('reads any address as the driver does by itself', () => {
  const part = fc.oneof(fc.string({ maxLength: 12 }), fc.string({ unit: 'binary', maxLength: 12 }), fc.webFragments());
  const address = fc
    .tuple(fc.constantFrom('mongodb', 'mongodb+srv'), part, part, fc.domain(), fc.webSegment(), fc.webQueryParameters())
    .map(([scheme, user, pass, host, path, query]) => `${scheme}://${user}:${pass}@${host}/${path}?${query}`);
  fc.assert(
    fc.property(
      fc.oneof(
        address,
        part.map((text) => `mongodb://${text}`),
      ),
      (uri) => {
        // Beyond U+FFFF the copy garbles the character that follows; Node doesn't.
        fc.pre(!/[\u{10000}-\u{10ffff}]/u.test(uri));
        expect(read(bundled, uri)).toEqual(read(installed, uri));
      },
    ),
    { numRuns: 2_000 },
  );
});
