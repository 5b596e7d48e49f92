import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startEmulator } from '../support/emulator.ts';
import globalSetup from '../support/globalSetup.ts';
import globalTeardown from '../support/globalTeardown.ts';
import { CommandFailed, isThere, type Tool } from './commands.ts';
import { GENERATORS, type Generator } from './generators.ts';

/**
 * `npm run test:clients`: other people's generators make clients of the documents in docs/. Each client must compile. Two
 * of them walk through a running service: register, open a conversation, read it. A generator is skipped where its
 * toolchain is not there. Everything goes into a temporary folder.
 */

/** What became of a generator's client, in words; `null` where it failed. */
async function attempt(generator: Generator, folder: string, api: string): Promise<string | null> {
  const missing: Tool[] = [];
  for (const command of generator.needs) if (!(await isThere(command))) missing.push(command);
  if (missing.length > 0) return `skipped, for there is no ${missing.join(' and no ')}`;
  try {
    await generator.generate(folder);
    await generator.walk?.(folder, api);
    return generator.walk ? 'compiles, and walks through' : 'compiles';
  } catch (error) {
    console.error(error instanceof CommandFailed ? error.message : error);
    return null;
  }
}

async function main(): Promise<void> {
  await globalSetup();
  const service = await startEmulator();
  const folder = await mkdtemp(join(tmpdir(), 'live-support-clients-'));
  try {
    for (const [at, generator] of GENERATORS.entries()) {
      const outcome = await attempt(generator, join(folder, String(at)), `http://localhost:${service.ports.http}`);
      console.log(`${generator.name}: ${outcome ?? 'failed, see above'}`);
      if (outcome === null) process.exitCode = 1;
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
    await service.stop();
    await globalTeardown();
  }
}

await main();
