import { readFileSync } from 'node:fs';
import { PROJECT } from '../support/process.ts';
import { resolve } from './deployed.ts';
import type { Statement } from './emulatedAws.ts';
import { allowedBy, allows } from './policies.ts';
import { service, templateOf } from './service.ts';

/** What whoever deploys may do, and what the roles they make may do: docs/*.json against the template. */

const document = (name: string) => readFileSync(`${PROJECT}/docs/${name}.json`, 'utf8');
const statementsOf = (name: string) => (JSON.parse(document(name)) as { Statement: Statement[] }).Statement;
const boundary = statementsOf('permissions-boundary');
const deployer = statementsOf('deployer-policy');

describe('the permissions boundary', () => {
  const boundaryArn = 'arn:aws:iam::123456789012:policy/live-support-boundary';
  const rolesOf = async (given: Readonly<Record<string, unknown>>) => {
    const files = ['roles.cjs', 'websockets.cjs'];
    const templates = await Promise.all(
      files.map((file) => templateOf(file, { 'param:gatewayLogRole': 'create', ...given })),
    );
    return templates
      .flatMap(({ Resources = {} }) => Object.values(Resources))
      .filter(({ Type }) => Type === 'AWS::IAM::Role')
      .map(({ Properties }) => Properties);
  };

  it('is on every role there is, and on none unless asked for', async () => {
    const roles = await rolesOf({ 'param:permissionsBoundaryArn': boundaryArn });
    expect(roles).toHaveLength(Object.keys(service.functions).length + 1);
    for (const { PermissionsBoundary } of roles) expect(PermissionsBoundary).toBe(boundaryArn);
    for (const role of await rolesOf({})) expect(role).not.toHaveProperty('PermissionsBoundary');
  });

  it('leaves the functions whatever they may be given', async () => {
    const roles = Object.values(
      (
        await templateOf('roles.cjs', {
          'param:secretsKeyArn': 'arn:aws:kms:eu-central-1:123456789012:key/1',
          'param:TRUSTED_PROXY': 'required',
          'param:MAIL_FROM': 'support@example.com',
          'param:vpc': { subnetIds: ['subnet-0a'], securityGroupIds: ['sg-0c'] },
        })
      ).Resources ?? {},
    );
    const statements = roles.flatMap(
      ({ Properties }) => resolve(Properties.Policies[0].PolicyDocument.Statement) as Statement[],
    );
    const queue = 'arn:aws:sqs:eu-central-1:123456789012:live-support-prod-SweepDeadLetters-1';
    const wanted = allowedBy(statements).map(
      ([action, resource]) => [action, resource === 'arn:SweepDeadLetters.Arn' ? queue : resource] as const,
    );
    expect(new Set(wanted.map(([action]) => action.split(':')[0]))).toEqual(
      new Set(['ec2', 'execute-api', 'kms', 'lambda', 'logs', 'ses', 'sqs', 'ssm', 'xray']),
    );
    expect(wanted.filter(([action, resource]) => !allows(boundary, action, resource))).toEqual([]);
  });

  it('leaves the gateway what AWS’s own policy for its logs has', () => {
    // https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AmazonAPIGatewayPushToCloudWatchLogs.html
    for (const action of [
      ...['CreateLogGroup', 'CreateLogStream', 'DescribeLogGroups', 'DescribeLogStreams'],
      ...['PutLogEvents', 'GetLogEvents', 'FilterLogEvents'],
    ]) {
      expect([action, allows(boundary, `logs:${action}`, '*')]).toEqual([action, true]);
    }
  });

  it.each([
    ['iam:CreateUser', '*'],
    ['sts:AssumeRole', 'arn:aws:iam::123456789012:role/administrator'],
    ['ssm:GetParameters', 'arn:aws:ssm:eu-central-1:123456789012:parameter/payroll/password'],
    ['ssm:PutParameter', 'arn:aws:ssm:eu-central-1:123456789012:parameter/live-support/prod/jwt-keys'],
    ['s3:GetObject', 'arn:aws:s3:::payroll/2026.csv'],
    ['sqs:SendMessage', 'arn:aws:sqs:eu-central-1:123456789012:payments'],
    ['lambda:InvokeFunction', 'arn:aws:lambda:eu-central-1:123456789012:function:payroll'],
    ['lambda:InvokeFunction', 'arn:aws:lambda:eu-central-1:123456789012:function:live-support-prod-createFirstAdmin'],
    ['lambda:UpdateFunctionCode', 'arn:aws:lambda:eu-central-1:123456789012:function:live-support-prod-dispatch'],
    ['lambda:UpdateFunctionCode', 'arn:aws:lambda:eu-central-1:123456789012:function:live-support-prod-mail'],
    ['ses:SendRawEmail', 'arn:aws:ses:eu-central-1:123456789012:identity/example.com'],
    ['ses:DeleteEmailIdentity', 'arn:aws:ses:eu-central-1:123456789012:identity/example.com'],
    ['kms:Encrypt', 'arn:aws:kms:eu-central-1:123456789012:key/1'],
  ])('leaves nobody %s on %s', (action, resource) => {
    expect(allows(boundary, action, resource)).toBe(false);
  });

  it('names its actions one by one', () => {
    expect(boundary.flatMap(({ Action }) => Action).filter((action) => action.includes('*'))).toEqual([]);
    expect(boundary.map(({ Effect }) => Effect)).toEqual(boundary.map(() => 'Allow'));
  });
});

describe('the deployer', () => {
  const withAction = (action: string) => deployer.filter(({ Action }) => [Action].flat().includes(action));

  it.each(['iam:CreateRole', 'iam:PutRolePolicy', 'iam:AttachRolePolicy', 'iam:PutRolePermissionsBoundary'])(
    'has %s within the boundary alone',
    (action) => {
      expect(withAction(action).map(({ Condition }) => Condition)).toEqual([
        { ArnLike: { 'iam:PermissionsBoundary': 'arn:aws:iam::*:policy/live-support-boundary' } },
      ]);
    },
  );

  it('can’t take the boundary off a role, nor change it, nor make people', () => {
    const actions = deployer.flatMap(({ Action }) => Action).filter((action) => action.startsWith('iam:'));
    expect(
      actions.filter((action) => /\*|User|Group|LoginProfile|AccessKey|DeleteRolePermissionsBoundary/.test(action)),
    ).toEqual([]);
    expect(actions.filter((action) => /Policy$|PolicyVersion$/.test(action) && !/Role/.test(action))).toEqual([]);
    expect(deployer.flatMap(({ Action }) => Action)).not.toContain('*');
  });

  it('reaches beyond this service only where the document for deployers says so', () => {
    const [, section = ''] = readFileSync(`${PROJECT}/docs/deploying.md`, 'utf8').split(
      "What can't be narrowed to a name\n",
    );
    const named = [...(section.split('\n## ')[0] ?? '').matchAll(/`(\w+)`/g)].map(([, sid]) => sid);
    const wide = deployer.filter(({ Resource }) => ![Resource].flat().every((arn) => arn.includes('live-support-')));
    expect(wide.length).toBeGreaterThan(0);
    for (const { Sid } of wide) expect(named).toContain(Sid);
  });

  it('hands roles to Lambda and the gateway alone', () => {
    expect(withAction('iam:PassRole').map(({ Condition }) => Condition)).toEqual([
      { StringEquals: { 'iam:PassedToService': ['lambda.amazonaws.com', 'apigateway.amazonaws.com'] } },
    ]);
  });

  it.each([
    'cloudwatch:DescribeAlarms',
    'logs:DescribeIndexPolicies',
    'logs:GetDataProtectionPolicy',
    'ec2:DescribeSecurityGroups',
    'ec2:DescribeSubnets',
    'ec2:DescribeVpcs',
  ])('may %s, as CloudFormation does, of everything', (action) => {
    expect(allows(deployer, action, '*')).toBe(true);
  });

  // The dispatcher's: when its calls expire, and its clock.
  it.each([
    [
      'lambda:PutFunctionEventInvokeConfig',
      'arn:aws:lambda:eu-central-1:123456789012:function:live-support-prod-dispatch',
    ],
    ['events:PutRule', 'arn:aws:events:eu-central-1:123456789012:rule/live-support-prod-DispatchEventsRuleSchedule1-1'],
    [
      'events:PutTargets',
      'arn:aws:events:eu-central-1:123456789012:rule/live-support-prod-DispatchEventsRuleSchedule1-1',
    ],
  ])('may %s, for the dispatcher', (action, resource) => {
    expect(allows(deployer, action, resource)).toBe(true);
  });

  it('may read the certificate of domains', () => {
    expect(allows(deployer, 'acm:DescribeCertificate', 'arn:aws:acm:eu-central-1:123456789012:certificate/1')).toBe(
      true,
    );
  });
});

it.each(['deployer-policy', 'permissions-boundary'])('%s.json fits in a managed policy', (name) => {
  // White space isn't counted: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
  expect(document(name).replaceAll(/\s/g, '').length).toBeLessThanOrEqual(6144);
});
