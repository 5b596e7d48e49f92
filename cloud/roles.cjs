// @ts-check
'use strict';

/** @import { Addition, Framework, Json, Rights } from './types.d.ts' */

const { logicalId, sub } = require('./names.cjs');
const { vpcOf } = require('./parameters.cjs');
const rights = require('./rights.cjs');

/**
 * What the roles of a stage have in common.
 * @typedef {object} StageWide
 * @property {string} service
 * @property {string} stage
 * @property {string} keyArn
 * @property {string} boundaryArn
 * @property {boolean} hasProxy
 * @property {boolean} hasVpc
 * @property {string} mailFrom
 */

/**
 * Makes one role per function, from the table of rights; serverless.yml names it under `role:`. Where
 * `permissionsBoundaryArn` is set, no role can be given more than docs/permissions-boundary.json.
 * @param {Framework} framework
 * @returns {Promise<Addition>}
 */
module.exports = async ({ resolveVariable }) => {
  const service = await resolveVariable('self:service');
  const stage = await resolveVariable('sls:stage');
  const stageWide = {
    service,
    stage,
    keyArn: await resolveVariable("param:secretsKeyArn, ''"),
    boundaryArn: await resolveVariable("param:permissionsBoundaryArn, ''"),
    hasProxy: !['', 'off'].includes(await resolveVariable("param:TRUSTED_PROXY, ''")),
    mailFrom: await resolveVariable("param:MAIL_FROM, ''"),
    hasVpc: (await vpcOf(resolveVariable)) !== null,
  };
  return {
    Resources: Object.fromEntries(
      Object.entries(rights).map(([name, right]) => [logicalId(name, 'Role'), role(name, right, stageWide)]),
    ),
  };
};

/**
 * @param {string} name
 * @param {Rights} right
 * @param {StageWide} stageWide
 * @returns {Json}
 */
function role(
  name,
  { secrets: always, sockets, proxy, deadLetters, dispatches, mails, sendsMails },
  { service, stage, keyArn, boundaryArn, hasProxy, hasVpc, mailFrom },
) {
  const functionName = `${service}-${stage}-${name}`;
  const secrets = [...always, ...(proxy && hasProxy ? ['trusted-proxy-secret'] : [])];
  /** @type {Json[]} */
  const statements = [
    {
      Sid: 'Log',
      Effect: 'Allow',
      Action: ['logs:CreateLogStream', 'logs:PutLogEvents'],
      Resource: sub(
        `arn:\${AWS::Partition}:logs:\${AWS::Region}:\${AWS::AccountId}:log-group:/aws/lambda/${functionName}:*`,
      ),
    },
    // Tracing can't be narrowed to a resource: docs.aws.amazon.com/service-authorization, AWS X-Ray.
    { Sid: 'Trace', Effect: 'Allow', Action: ['xray:PutTraceSegments', 'xray:PutTelemetryRecords'], Resource: '*' },
  ];
  if (secrets.length > 0) {
    statements.push({
      Sid: 'ReadSecrets',
      Effect: 'Allow',
      Action: 'ssm:GetParameters',
      Resource: secrets.map((secret) =>
        sub(`arn:\${AWS::Partition}:ssm:\${AWS::Region}:\${AWS::AccountId}:parameter/${service}/${stage}/${secret}`),
      ),
    });
  }
  // Everybody in the account may use the default key of SecureStrings, through the Parameter Store. A key of your own needs a right.
  if (secrets.length > 0 && keyArn) {
    statements.push({
      Sid: 'DecryptSecrets',
      Effect: 'Allow',
      Action: 'kms:Decrypt',
      Resource: keyArn,
      Condition: { StringEquals: { 'kms:ViaService': sub('ssm.${AWS::Region}.${AWS::URLSuffix}') } },
    });
  }
  if (sockets.length > 0) {
    statements.push({
      Sid: 'ReachSockets',
      Effect: 'Allow',
      Action: 'execute-api:ManageConnections',
      Resource: sockets.map((method) =>
        sub(
          `arn:\${AWS::Partition}:execute-api:\${AWS::Region}:\${AWS::AccountId}:\${WebsocketsApi}/${stage}/${method}/@connections/*`,
        ),
      ),
    });
  }
  if (dispatches) statements.push(mayCall('CallDispatcher', `${service}-${stage}-dispatch`));
  if (mails) statements.push(mayCall('CallMailSender', `${service}-${stage}-mail`));
  if (sendsMails && mailFrom !== '') statements.push(sendMails(mailFrom));
  if (deadLetters) {
    statements.push({
      Sid: 'HandOnFailures',
      Effect: 'Allow',
      Action: 'sqs:SendMessage',
      Resource: { 'Fn::GetAtt': ['SweepDeadLetters', 'Arn'] },
    });
  }
  if (hasVpc && always.includes('mongodb-uri')) statements.push(...networkInterfaces(functionName));
  return {
    Type: 'AWS::IAM::Role',
    Properties: {
      Description: `What ${functionName} may do`,
      AssumeRolePolicyDocument: {
        Version: '2012-10-17',
        Statement: [{ Effect: 'Allow', Principal: { Service: 'lambda.amazonaws.com' }, Action: 'sts:AssumeRole' }],
      },
      ...(boundaryArn && { PermissionsBoundary: boundaryArn }),
      Policies: [{ PolicyName: 'rights', PolicyDocument: { Version: '2012-10-17', Statement: statements } }],
    },
  };
}

/**
 * The right to call a function, by its name: that function's own role is made by the same table.
 * @param {string} Sid
 * @param {string} functionName
 * @returns {Json}
 */
const mayCall = (Sid, functionName) => ({
  Sid,
  Effect: 'Allow',
  Action: 'lambda:InvokeFunction',
  Resource: sub(`arn:\${AWS::Partition}:lambda:\${AWS::Region}:\${AWS::AccountId}:function:${functionName}`),
});

/**
 * The right to send mails: from this sender alone. SES knows a sender by its address or by its domain, and asks for the right on
 * the one that it knows.
 * https://docs.aws.amazon.com/ses/latest/dg/control-user-access.html
 * @param {string} mailFrom
 * @returns {Json}
 */
function sendMails(mailFrom) {
  const address = mailFrom.replace(/^.*<(.*)>$/, '$1');
  const identities = [address, address.replace(/^.*@/, '')];
  return {
    Sid: 'SendMails',
    Effect: 'Allow',
    Action: 'ses:SendEmail',
    Resource: identities.map((identity) =>
      sub(`arn:\${AWS::Partition}:ses:\${AWS::Region}:\${AWS::AccountId}:identity/${identity}`),
    ),
    Condition: { StringEquals: { 'ses:FromAddress': address } },
  };
}

/**
 * Lambda makes the network interfaces in a VPC with the function's role. The right to describe them can't be narrowed, nor
 * the right to delete them; subnets may belong to another account that shares them. So the function's own code is denied
 * these rights: only its calls carry the function's ARN.
 * https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html
 * @param {string} functionName
 * @returns {Json[]}
 */
function networkInterfaces(functionName) {
  const changes = [
    'ec2:AssignPrivateIpAddresses',
    'ec2:CreateNetworkInterface',
    'ec2:DeleteNetworkInterface',
    'ec2:UnassignPrivateIpAddresses',
  ];
  const looks = ['ec2:DescribeNetworkInterfaces', 'ec2:DescribeSubnets'];
  return [
    {
      Sid: 'AttachToVpc',
      Effect: 'Allow',
      Action: changes,
      Resource: sub('arn:${AWS::Partition}:ec2:${AWS::Region}:*:*/*'),
    },
    { Sid: 'SeeVpc', Effect: 'Allow', Action: looks, Resource: '*' },
    {
      Sid: 'NotByItsOwnCode',
      Effect: 'Deny',
      Action: [...changes, ...looks],
      Resource: '*',
      Condition: {
        ArnEquals: {
          'lambda:SourceFunctionArn': sub(
            `arn:\${AWS::Partition}:lambda:\${AWS::Region}:\${AWS::AccountId}:function:${functionName}`,
          ),
        },
      },
    },
  ];
}
