'use strict';

const { behindSockets, logicalId } = require('./names.cjs');

/** The events that nothing of ours limits, for they cost the database nothing, and what part of the stage's rate each may take. */
const UNLIMITED = ['PING', '$default'];
const PART = 1 / 4;

const sub = (text) => ({ 'Fn::Sub': text });

/** What the framework makes of the WebSocket API, completed: throttling, the access log, who may call the functions. */
module.exports = async ({ resolveVariable }) => {
  const name = `${await resolveVariable('self:service')}-${await resolveVariable('sls:stage')}`;
  const days = await resolveVariable('param:logRetentionInDays');
  const roleIsOurs = (await resolveVariable('param:gatewayLogRole')) === 'create';
  const boundaryArn = await resolveVariable("param:permissionsBoundaryArn, ''");
  const functions = await resolveVariable('self:functions');
  const rate = await resolveVariable('param:websocketRate');
  const burst = await resolveVariable('param:websocketBurst');
  return {
    Resources: {
      ...(roleIsOurs && gatewayLogRole(boundaryArn)),
      WebsocketAccessLog: {
        Type: 'AWS::Logs::LogGroup',
        Properties: { LogGroupName: `/aws/websocket/${name}`, RetentionInDays: days },
      },
    },
    extensions: {
      WebsocketsDeploymentStage: {
        ...(roleIsOurs && { DependsOn: ['GatewayAccount'] }),
        Properties: {
          DefaultRouteSettings: routeSettings(rate, burst),
          RouteSettings: Object.fromEntries(
            UNLIMITED.map((route) => [route, routeSettings(partOf(rate), partOf(burst))]),
          ),
          AccessLogSettings: {
            DestinationArn: { 'Fn::GetAtt': ['WebsocketAccessLog', 'Arn'] },
            Format: JSON.stringify(ACCESS_LOG),
          },
        },
      },
      ...Object.fromEntries(
        behindSockets(functions).map((name) => [logicalId(name, 'LambdaPermissionWebsockets'), CALLED_BY_OUR_API]),
      ),
    },
  };
};

/** One at least: 0 would be none. */
const partOf = (amount) => Math.max(1, Math.ceil(amount * PART));

const routeSettings = (rate, burst) => ({
  // The execution log would hold every frame.
  DataTraceEnabled: false,
  DetailedMetricsEnabled: false,
  LoggingLevel: 'OFF',
  ThrottlingBurstLimit: burst,
  ThrottlingRateLimit: rate,
});

/** No token and no message in it. */
const ACCESS_LOG = {
  requestId: '$context.requestId',
  connectionId: '$context.connectionId',
  eventType: '$context.eventType',
  routeKey: '$context.routeKey',
  status: '$context.status',
  sourceIp: '$context.identity.sourceIp',
  time: '$context.requestTime',
  integrationLatency: '$context.integrationLatency',
  // Not `messageString`, which comes with quotes of its own.
  error: '$context.error.message',
  integrationError: '$context.integrationErrorMessage',
};

/** Otherwise anybody's gateway, in any account, may. */
const CALLED_BY_OUR_API = {
  Properties: {
    SourceArn: sub('arn:${AWS::Partition}:execute-api:${AWS::Region}:${AWS::AccountId}:${WebsocketsApi}/*'),
  },
};

/**
 * API Gateway writes WebSocket access logs under one role for the whole account and region. Kept when this stack goes:
 * others rely on it by then, and their logs would end without a word.
 */
const KEPT = { DeletionPolicy: 'RetainExceptOnCreate', UpdateReplacePolicy: 'Retain' };
const gatewayLogRole = (boundaryArn) => ({
  GatewayLogRole: {
    Type: 'AWS::IAM::Role',
    ...KEPT,
    Properties: {
      Description: 'API Gateway writes its logs',
      AssumeRolePolicyDocument: {
        Version: '2012-10-17',
        Statement: [{ Effect: 'Allow', Principal: { Service: 'apigateway.amazonaws.com' }, Action: 'sts:AssumeRole' }],
      },
      ...(boundaryArn && { PermissionsBoundary: boundaryArn }),
      ManagedPolicyArns: [
        sub('arn:${AWS::Partition}:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs'),
      ],
    },
  },
  GatewayAccount: {
    Type: 'AWS::ApiGateway::Account',
    ...KEPT,
    Properties: { CloudWatchRoleArn: { 'Fn::GetAtt': ['GatewayLogRole', 'Arn'] } },
  },
});
