import { cp, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PROJECT } from '../support/process.ts';
import { CommandFailed, command, type Tool } from './commands.ts';

/** A generator of clients, and what its client must do. */
export interface Generator {
  readonly name: string;
  /** The commands of its toolchain, but for npm's, which are there in any case. */
  readonly needs: readonly Tool[];
  /** Makes the client in this folder and compiles it. Throws `CommandFailed`. */
  generate(folder: string): Promise<void>;
  /** Registers, opens a conversation and reads it, by the client in this folder, at the API with this address. */
  walk?(folder: string, api: string): Promise<void>;
}

const document = (name: string) => join(PROJECT, 'docs', name);
const walkThrough = (name: string) => join(PROJECT, 'tests', 'clients', 'walks', name);

/** Installs these packages from npm's registry into the folder. */
async function npmInstall(folder: string, packages: readonly string[]): Promise<void> {
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'package.json'), JSON.stringify({ private: true, type: 'module' }));
  await command(folder, 'npm', ['install', '--no-audit', '--no-fund', '--ignore-scripts', ...packages]);
}

/** Type-checks these files with the TypeScript that was installed beside them, as strictly as it can. */
async function typecheck(folder: string, files: readonly string[]): Promise<void> {
  // As bundlers resolve modules: not every generator writes the extensions that Node wants.
  const module = ['--module', 'esnext', '--moduleResolution', 'bundler', '--target', 'es2024'];
  const tsc = join(folder, 'node_modules', '.bin', 'tsc');
  const options = ['--noEmit', '--allowImportingTsExtensions', '--strict', '--exactOptionalPropertyTypes'];
  await command(folder, tsc, [...options, ...module, ...files]);
}

function refuse(found: readonly string[], what: string): void {
  if (found.length > 0) throw new CommandFailed(`${what}: ${found.join(', ')}`);
}

const TYPESCRIPT = 'typescript@5.9.3';

const openapiTypescript: Generator = {
  name: 'openapi-typescript 7.13.0 (TypeScript)',
  needs: [],
  async generate(folder) {
    const packages = ['openapi-typescript@7.13.0', 'openapi-fetch@0.17.0', TYPESCRIPT, '@types/node@24'];
    await npmInstall(folder, packages);
    const generate = join(folder, 'node_modules', '.bin', 'openapi-typescript');
    await command(folder, generate, [document('openapi.json'), '--output', 'schema.d.ts']);
    await cp(walkThrough('typescript.ts'), join(folder, 'walk.ts'));
    await typecheck(folder, ['walk.ts']);
  },
  async walk(folder, api) {
    await command(folder, process.execPath, ['walk.ts', api]);
  },
};

const openapiPythonClient: Generator = {
  name: 'openapi-python-client 0.29.1 (Python)',
  needs: ['python3'],
  async generate(folder) {
    await mkdir(folder, { recursive: true });
    await command(folder, 'python3', ['-m', 'venv', 'tools']);
    const bin = join(folder, 'tools', 'bin');
    const packages = ['openapi-python-client==0.29.1', 'mypy', 'ruff'];
    await command(folder, join(bin, 'pip'), ['install', '--quiet', '--disable-pip-version-check', ...packages]);
    // It warns of every part of a document that it leaves out.
    const options = ['--path', document('openapi.json'), '--output-path', 'client', '--fail-on-warning'];
    const path = { PATH: `${bin}:${process.env['PATH']}` };
    await command(folder, join(bin, 'openapi-python-client'), ['generate', ...options], path);
    await cp(walkThrough('python.py'), join(folder, 'client', 'walk.py'));
    await command(join(folder, 'client'), join(bin, 'mypy'), ['walk.py', 'live_support_http_api_client']);
  },
  async walk(folder, api) {
    await command(join(folder, 'client'), join(folder, 'tools', 'bin', 'python'), ['walk.py', api]);
  },
};

const oapiCodegen: Generator = {
  name: 'oapi-codegen 2.8.2 (Go)',
  needs: ['go'],
  async generate(folder) {
    await mkdir(folder, { recursive: true });
    const tool = 'github.com/oapi-codegen/oapi-codegen/v2/cmd/oapi-codegen@v2.8.2';
    await command(folder, 'go', ['install', tool], { GOBIN: join(folder, 'bin') });
    const options = ['-package', 'livesupport', '-generate', 'types,client', '-o', 'client.go'];
    await command(folder, join(folder, 'bin', 'oapi-codegen'), [...options, document('openapi-3.0.json')]);
    await command(folder, 'go', ['mod', 'init', 'example.com/livesupport']);
    await command(folder, 'go', ['mod', 'tidy']);
    await command(folder, 'go', ['vet', './...']);
    const untyped = (await readFile(join(folder, 'client.go'), 'utf8')).match(/^.*\binterface\{\}.*$/gm) ?? [];
    refuse(untyped, 'Parts of the document have no type in Go');
  },
};

const openapiGeneratorJava: Generator = {
  name: 'openapi-generator 7.24.0 (Java)',
  needs: ['java', 'mvn'],
  async generate(folder) {
    await mkdir(folder, { recursive: true });
    const generator = 'openapi-generator-cli';
    const artifact = `-Dartifact=org.openapitools:${generator}:7.24.0`;
    await command(folder, 'mvn', ['--batch-mode', 'dependency:copy', artifact, '-DoutputDirectory=.']);
    const options = ['-g', 'java', '--library', 'native', '-i', document('openapi.json'), '-o', 'client'];
    await command(folder, 'java', ['-jar', `${generator}-7.24.0.jar`, 'generate', ...options]);
    await command(join(folder, 'client'), 'mvn', ['--batch-mode', '-DskipTests', 'compile']);
    const models = await readdir(join(folder, 'client/src/main/java/org/openapitools/client/model'));
    const nameless = models.filter((file) => /Inline|Inner|_\d|\d\.java$/.test(file));
    refuse(nameless, 'Parts of the document have no name in Java');
  },
};

const modelina: Generator = {
  name: 'Modelina 5.10.1 (models of the frames, in TypeScript)',
  needs: [],
  async generate(folder) {
    await npmInstall(folder, ['@asyncapi/modelina@5.10.1', TYPESCRIPT]);
    await writeFile(
      join(folder, 'generate.mjs'),
      `import { readFileSync } from 'node:fs';
       import { TypeScriptFileGenerator } from '@asyncapi/modelina';
       const generator = new TypeScriptFileGenerator({ modelType: 'interface', moduleSystem: 'ESM' });
       const document = JSON.parse(readFileSync(process.argv[2], 'utf8'));
       const models = await generator.generateToFiles(document, 'models', { exportType: 'named' });
       console.log(JSON.stringify(models.map(({ modelName }) => modelName)));`,
    );
    // It knows no AsyncAPI 3.1.
    const said = await command(folder, process.execPath, ['generate.mjs', document('asyncapi-3.0.json')]);
    const models = new Set(JSON.parse(said.trim().split('\n').at(-1) ?? '[]') as string[]);
    const { components } = JSON.parse(await readFile(document('asyncapi-3.0.json'), 'utf8')) as {
      components: { schemas: Readonly<Record<string, { readonly type?: string }>> };
    };
    const frames = Object.keys(components.schemas).filter((name) => /Frame$|^GatewayNotice$/.test(name));
    refuse(
      frames.filter((name) => !models.has(name)),
      'Frames without a model',
    );
    refuse(
      [...models].filter((name) => /anonymous/i.test(name)),
      'Models without a name',
    );
    await typecheck(
      folder,
      frames.map((name) => join('models', `${name}.ts`)),
    );
  },
};

export const GENERATORS: readonly Generator[] = [
  openapiTypescript,
  openapiPythonClient,
  oapiCodegen,
  openapiGeneratorJava,
  modelina,
];
