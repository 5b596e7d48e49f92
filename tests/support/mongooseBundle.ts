import { mkdir, rename } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

/**
 * In a context of jest's own, each look at a global goes through an interceptor, and mongoose and its driver look at them
 * all the time; also each test file loads their 300 modules anew. In one file that takes the globals once, a command costs the
 * tests a quarter less of the processor, and a test file starts sooner. jest.config.js puts it in mongoose's place.
 */
const GLOBALS = [
  ...['Array', 'BigInt', 'Boolean', 'Date', 'Error', 'JSON', 'Map', 'Math', 'Number', 'Object', 'Promise', 'Proxy'],
  ...['RangeError', 'Reflect', 'RegExp', 'Set', 'String', 'Symbol', 'TypeError', 'WeakMap', 'WeakRef', 'WeakSet'],
  ...['ArrayBuffer', 'BigInt64Array', 'Buffer', 'DataView', 'Float64Array', 'Uint8Array', 'parseFloat', 'parseInt'],
  ...['AbortController', 'TextDecoder', 'TextEncoder', 'URL', 'URLSearchParams', 'performance', 'process'],
  ...['clearInterval', 'clearTimeout', 'setInterval', 'setTimeout', 'clearImmediate', 'setImmediate', 'queueMicrotask'],
];

/** What the driver loads where it is installed. */
const OPTIONAL = [
  ...['@aws-sdk/credential-providers', '@mongodb-js/zstd', 'aws4', 'gcp-metadata', 'kerberos'],
  ...['mongodb-client-encryption', 'snappy', 'socks'],
];

/** Mongoose, with the driver's class of connections beside it, which the driver doesn't export: every command passes there. */
const ENTRY = `module.exports = require('./index.js');
module.exports.DriverConnection = require('mongodb/lib/cmap/connection.js').Connection;`;

const BUNDLE = fileURLToPath(new URL('../../node_modules/.cache/live-support/mongoose.cjs', import.meta.url));

/** Writes it anew. Another run may be reading the one before. */
export async function bundleMongoose(): Promise<void> {
  const draft = `${BUNDLE}.${process.pid}`;
  await mkdir(dirname(BUNDLE), { recursive: true });
  await build({
    stdin: { contents: ENTRY, resolveDir: dirname(createRequire(import.meta.url).resolve('mongoose')) },
    bundle: true,
    platform: 'node',
    format: 'cjs',
    target: 'node20',
    external: OPTIONAL,
    banner: { js: `const { ${GLOBALS.join(', ')} } = globalThis;` },
    outfile: draft,
  });
  await rename(draft, BUNDLE);
}
