'use strict';

const { logicalId } = require('./names.cjs');
const rights = require('./rights.cjs');

const sub = (text) => ({ 'Fn::Sub': text });

/** One role per function, from the table of rights: what `role:` names in serverless.yml. */
module.exports = async ({ resolveVariable }) => {
  const service = await resolveVariable('self:service');
  const stage = await resolveVariable('sls:stage');
  const keyArn = await resolveVariable("param:secretsKeyArn, ''");
  return {
    Resources: Object.fromEntries(
      Object.entries(rights).map(([name, right]) => [
        logicalId(name, 'Role'),
        role(name, right, { service, stage, keyArn }),
      ]),
    ),
  };
};

function role(name, { secrets, sockets, deadLetters }, { service, stage, keyArn }) {
  const functionName = `${service}-${stage}-${name}`;
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
  // The key SecureStrings have by default is anybody's in the account, through the Parameter Store; one's own is not.
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
  if (deadLetters) {
    statements.push({
      Sid: 'HandOnFailures',
      Effect: 'Allow',
      Action: 'sqs:SendMessage',
      Resource: { 'Fn::GetAtt': ['SweepDeadLetters', 'Arn'] },
    });
  }
  return {
    Type: 'AWS::IAM::Role',
    Properties: {
      Description: `What ${functionName} may do`,
      AssumeRolePolicyDocument: {
        Version: '2012-10-17',
        Statement: [{ Effect: 'Allow', Principal: { Service: 'lambda.amazonaws.com' }, Action: 'sts:AssumeRole' }],
      },
      Policies: [{ PolicyName: 'rights', PolicyDocument: { Version: '2012-10-17', Statement: statements } }],
    },
  };
}
