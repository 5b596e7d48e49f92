import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { startEmulatorDesk } from '../support/emulator.ts';
import globalSetup from '../support/globalSetup.ts';
import globalTeardown from '../support/globalTeardown.ts';
import { PROJECT, Running } from '../support/process.ts';

/**
 * `npm run test:openapi`: Schemathesis drives the emulator from docs/openapi.json, as each role, with inputs that fit the
 * document and inputs that don't. No answer may be a server error, or anything the document doesn't say. Needs Python 3;
 * Schemathesis goes into an environment of its own under `.local`. `OPENAPI_EXAMPLES` says how many inputs an operation gets.
 */
const SCHEMATHESIS = 'schemathesis==4.32.5';
const CHECKS = [
  'not_a_server_error',
  'status_code_conformance',
  'content_type_conformance',
  'response_schema_conformance',
  'response_headers_conformance',
];
const EXAMPLES = process.env['OPENAPI_EXAMPLES'] ?? '30';
const RUN_MS = 10 * 60_000;

const LOCAL = join(PROJECT, '.local');
const DOCUMENT = join(PROJECT, 'docs/openapi.json');

const run = promisify(execFile);

/** The path of the `schemathesis` command, installed where it isn't yet. */
async function schemathesis(): Promise<string> {
  const environment = join(LOCAL, 'schemathesis');
  const command = join(environment, 'bin', 'schemathesis');
  if (!existsSync(command)) {
    await run('python3', ['-m', 'venv', environment]);
    await run(join(environment, 'bin', 'pip'), ['install', '--quiet', '--disable-pip-version-check', SCHEMATHESIS]);
  }
  return command;
}

async function main(): Promise<void> {
  const command = await schemathesis();
  await globalSetup();
  const { system, desk } = await startEmulatorDesk({ LOG_LEVEL: 'error' });
  let failed = false;
  const drive = async (who: string, token: string, which: readonly string[]) => {
    console.log(`as ${who}`);
    const options = ['--checks', CHECKS.join(), '--max-examples', EXAMPLES, '--seed', '1', '--no-color', ...which];
    const target = [DOCUMENT, '--url', `http://localhost:${system.ports.http}`, '-H', `Authorization: Bearer ${token}`];
    // It leaves a cache where it runs.
    const there = ['sh', '-c', 'cd "$0" && exec "$@"', LOCAL];
    const tool = new Running([...there, command, 'run', ...target, ...options]);
    const code = await tool.ended(RUN_MS);
    console.log(code === 0 ? tool.output.split('\n').slice(-12).join('\n') : tool.output);
    failed ||= code !== 0;
  };
  try {
    const { candidate, supervisor, agent, conversation } = await desk.assigned('hello');
    await desk.ok('POST', `/conversations/${conversation.id}/close`, agent.token);
    // Logging out would take the others' token from them.
    const others = ['--exclude-operation-id', 'logout'];
    await drive('the admin', desk.admin.token, others);
    await drive('a supervisor', supervisor.token, others);
    await drive('a candidate', candidate.token, others);
    await drive('nobody', 'nobody', []);
    await drive('an agent who logs out', agent.token, ['--include-operation-id', 'logout']);
  } finally {
    await system.stop();
    await globalTeardown();
  }
  if (failed) process.exitCode = 1;
}

await main();
