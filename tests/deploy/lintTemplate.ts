import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { LocalError } from '../../local/localError.ts';
import { PROJECT } from '../support/process.ts';
import { MAILS, packageService } from './packaging.ts';
import { pythonTools } from './tools.ts';

/** `npm run lint:template`: cfn-lint and checkov over the template of each kind of stage. What they let pass is in *.yaml here. */

const KINDS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  dev: {},
  // With everything optional.
  prod: {
    alarmEmail: 'somebody@example.com',
    httpDomain: 'api.example.com',
    websocketDomain: 'socket.example.com',
    certificateArn: 'arn:aws:acm:eu-central-1:123456789012:certificate/11111111-2222-3333-4444-555555555555',
    gatewayLogRole: 'keep',
    vpc: '{"subnetIds":["subnet-0a1b2c3d"],"securityGroupIds":["sg-0a1b2c3d"]}',
    permissionsBoundaryArn: 'arn:aws:iam::123456789012:policy/live-support-boundary',
    secretsKeyArn: 'arn:aws:kms:eu-central-1:123456789012:key/11111111-2222-3333-4444-555555555555',
    databaseConnections: '1200',
    TRUSTED_PROXY: 'required',
    ...MAILS,
  },
};

const here = join(PROJECT, 'tests', 'deploy');

/** Fulfils with what it said and whether it was content. */
async function lint(command: string, args: readonly string[]): Promise<{ said: string; content: boolean }> {
  const options = { maxBuffer: 64 * 1024 * 1024 };
  try {
    const { stdout, stderr } = await promisify(execFile)(command, args, options);
    return { said: stdout + stderr, content: true };
  } catch (error) {
    const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string };
    return { said: stdout + stderr || String(error), content: false };
  }
}

async function main(): Promise<void> {
  const bin = await pythonTools('lint');
  for (const [stage, parameters] of Object.entries(KINDS)) {
    const packaged = await packageService(stage, parameters);
    try {
      const template = join(packaged.folder, 'cloudformation-template-update-stack.json');
      const results = [
        await lint(join(bin, 'cfn-lint'), ['--config-file', join(here, 'cfnlint.yaml'), '--template', template]),
        await lint(join(bin, 'checkov'), ['--config-file', join(here, 'checkov.yaml'), '--file', template]),
      ];
      for (const { said, content } of results) if (!content) console.log(said);
      const content = results.every((result) => result.content);
      console.log(`${stage}: cfn-lint and checkov ${content ? 'have nothing to say' : 'see above'}`);
      if (!content) process.exitCode = 1;
    } finally {
      await packaged.remove();
    }
  }
}

await main().catch((error: unknown) => {
  console.error(error instanceof LocalError ? error.message : error);
  process.exitCode = 1;
});
