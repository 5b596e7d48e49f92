import { readdirSync, readFileSync } from 'node:fs';
import { posix } from 'node:path';

/** What each file imports, as written: `../store/users.ts`, `zod`, `node:fs`. Files are named from the root. */
export type Imports = ReadonlyMap<string, readonly string[]>;

/** Who may import what, by folder; the longest matching folder counts. Everything may import from its own. */
export const LAYERS: Record<string, readonly string[]> = {
  'lib/domain': [],
  // Clients share the protocol: it has nothing of the server's in it.
  'lib/protocol': ['lib/domain'],
  'lib/runtime': ['package.json'],
  'lib/errors': ['lib/runtime', 'lib/protocol', 'lib/domain'],
  'lib/store': ['lib/errors', 'lib/runtime', 'lib/protocol', 'lib/domain'],
  'lib/limits': ['lib/store', 'lib/errors', 'lib/runtime', 'lib/protocol', 'lib/domain'],
  'lib/auth': ['lib/store', 'lib/errors', 'lib/runtime', 'lib/protocol', 'lib/domain'],
  'lib/realtime': ['lib/store', 'lib/errors', 'lib/runtime', 'lib/protocol', 'lib/domain'],
  'lib/services': [
    ...['lib/auth', 'lib/limits', 'lib/realtime', 'lib/store'],
    ...['lib/errors', 'lib/runtime', 'lib/protocol', 'lib/domain'],
  ],
  // The stacks don't know the use cases they carry; HTTP doesn't know sockets, and what it costs to load them.
  'lib/http': ['lib/auth', 'lib/store', 'lib/errors', 'lib/runtime', 'lib/protocol', 'lib/domain'],
  'lib/websocket': [
    ...['lib/auth', 'lib/limits', 'lib/realtime', 'lib/store'],
    ...['lib/errors', 'lib/runtime', 'lib/protocol', 'lib/domain'],
  ],
  // The pages' function has no database, and so nothing that knows one.
  'lib/site': ['lib/http', 'lib/runtime'],
  // The Lambdas: an area's table of endpoints, or an operation that stands alone.
  functions: [
    ...['functions/*', 'functions/websocket', 'functions/operations', 'lib/http', 'lib/websocket', 'lib/services'],
    ...['lib/site', 'lib/auth', 'lib/store', 'lib/errors', 'lib/runtime'],
  ],
  // The endpoints of an area, where nothing else is said of it.
  'functions/*': ['lib/http', 'lib/services', 'lib/protocol'],
  'functions/websocket': ['lib/http', 'lib/websocket', 'lib/services', 'lib/realtime', 'lib/protocol'],
  'functions/operations': ['lib/http', 'lib/services', 'lib/store', 'lib/runtime', 'lib/protocol'],
  // Pages share the protocol, and what the function that serves them tells them. They don't know each other.
  'web/shared': ['lib/protocol', 'lib/site'],
  // The console is a client like any other. On a laptop it offers the demo people, in a part that is loaded nowhere else.
  'web/console': ['web/shared', 'lib/protocol', 'client', 'local'],
  'web/widget': ['web/shared', 'client', 'lib/protocol', 'lib/site'],
  'web/demo': ['web/shared'],
  'web/docs': ['web/shared'],
  'web/build': ['lib/site'],
  // It is published: it takes from the repository only what is bundled into it, and no package.
  client: ['lib/protocol'],
  // As a user of the package writes them.
  'client/examples': [],
  // What stands in for AWS and Atlas knows what the service reads when it starts, and serves the pages.
  local: ['lib/auth', 'lib/store', 'lib/runtime', 'lib/domain', 'web/build'],
  // It is read where the service is deployed, and has nothing of the service's code.
  cloud: [],
  tools: ['lib/protocol', 'lib/domain', 'bench/report'],
  // The benchmark plays people at the service's handlers, as the tests do.
  bench: ['bench/report', 'lib/auth', 'lib/realtime', 'lib/store', 'lib/protocol', 'local', 'tests'],
  // Pages and plots from figures: nothing of what measures them.
  'bench/report': [],
};

/** Packages that have one home in the service; anything else may be imported anywhere the next table doesn't forbid. */
const HOMES: Record<string, readonly string[]> = {
  mongoose: ['lib/store'],
  mongodb: ['lib/store'],
  '@aws-sdk': ['lib/realtime'],
  // Signing, for the one read that no client is loaded for.
  '@smithy': ['lib/runtime'],
  jsonwebtoken: ['lib/auth'],
  '@middy': ['lib/http', 'lib/websocket'],
};

/** Folders beside the service, which look into the database, or are servers, by themselves. */
const BESIDE: readonly string[] = ['bench', 'local'];

/** Folders that may import these packages and no others, Node's own included. */
const ONLY: Record<string, readonly string[]> = {
  'lib/domain': [],
  'lib/protocol': ['zod'],
  client: [],
  'client/examples': ['@live-support/client', 'node:readline', 'node:process'],
};

/** One readable sentence per import that goes the wrong way. */
export function violations(imports: Imports): string[] {
  const found: string[] = [];
  for (const [file, specifiers] of imports) {
    const layer = layerOf(file);
    const allowed = LAYERS[layer];
    if (!allowed) {
      found.push(`${file}: ${layer} has no place among the layers`);
      continue;
    }
    for (const specifier of specifiers) {
      const complaint = isRelative(specifier)
        ? againstLayers(layer, allowed, layerOf(resolve(file, specifier)))
        : againstPackages(layer, packageOf(specifier));
      if (complaint) found.push(`${file} imports ${specifier}: ${complaint}`);
    }
  }
  return found;
}

/** Every import cycle, each told once: `a.ts → b.ts → a.ts`. */
export function cycles(imports: Imports): string[] {
  const found: string[] = [];
  const done = new Set<string>();
  const path: string[] = [];
  function visit(file: string): void {
    const start = path.indexOf(file);
    if (start >= 0) found.push([...path.slice(start), file].join(' → '));
    if (start >= 0 || done.has(file)) return;
    path.push(file);
    for (const specifier of imports.get(file) ?? []) if (isRelative(specifier)) visit(resolve(file, specifier));
    path.pop();
    done.add(file);
  }
  for (const file of imports.keys()) visit(file);
  return found;
}

/** The imports of every file of code under these folders of `root`. */
export function readImports(root: string, folders: readonly string[]): Imports {
  const files = sourcesIn(root, folders);
  return new Map(files.map((file) => [file, importsOf(readFileSync(posix.join(root, file), 'utf8'))]));
}

function sourcesIn(root: string, folders: readonly string[]): string[] {
  return folders
    .flatMap((folder) =>
      readdirSync(posix.join(root, folder), { recursive: true, encoding: 'utf8' })
        .filter((name) => /\.(tsx?|cjs)$/.test(name))
        .map((name) => posix.join(folder, name)),
    )
    .sort();
}

/** What a module imports: statically, by re-export, or by a call with a literal. */
export function importsOf(source: string): string[] {
  const patterns = [
    /^(?:import|export)\s(?:type\s)?[\w$*{}\s,]*?\bfrom\s*['"]([^'"]+)['"]/gm,
    /^import\s*['"]([^'"]+)['"]/gm,
    /\b(?:import|require)\(\s*['"]([^'"]+)['"]/g,
  ];
  return patterns.flatMap((pattern) => [...source.matchAll(pattern)].map((match) => match[1] ?? ''));
}

/** The files under these folders of `root` that import the function that opens a transaction. */
export function transactionOwners(root: string, folders: readonly string[]): string[] {
  return sourcesIn(root, folders).filter((file) => opensTransactions(readFileSync(posix.join(root, file), 'utf8')));
}

export function opensTransactions(source: string): boolean {
  const imported = [...source.matchAll(/^import\s*{([^}]*)}\s*from\s*'[^']*\/database\.ts'/gm)];
  return imported.some(([, names = '']) => /\btransaction\b/.test(names));
}

function againstLayers(layer: string, allowed: readonly string[], target: string): string | null {
  if (target === layer || allowed.includes(target)) return null;
  return `${layer} may import from ${allowed.join(', ') || 'nowhere else'}`;
}

function againstPackages(layer: string, name: string): string | null {
  const only = ONLY[layer];
  if (only && !only.includes(name)) return `${layer} may import ${only.join(', ') || 'no package'}`;
  if (BESIDE.includes(layer)) return null;
  const homes = Object.entries(HOMES).find(([home]) => name === home || name.startsWith(`${home}/`))?.[1];
  return homes && !homes.includes(layer) ? `only ${homes.join(' and ')} may import ${name}` : null;
}

const isRelative = (specifier: string) => specifier.startsWith('.');
const resolve = (file: string, specifier: string) => posix.join(posix.dirname(file), specifier);
const packageOf = (specifier: string) => specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/');

/** `lib/store` for `lib/store/users.ts`, `functions` for `functions/auth.ts`, `functions/*` for the endpoints of its areas but those named. */
function layerOf(file: string): string {
  const folder = posix.dirname(file);
  if (folder === '.') return file;
  if (LAYERS[folder]) return folder;
  const [top = '', second] = folder.split('/');
  if (top === 'functions') return 'functions/*';
  // The build has no folders below `client/src`.
  if (top === 'client') return 'client';
  return ['lib', 'web'].includes(top) && second !== undefined ? `${top}/${second}` : top;
}
