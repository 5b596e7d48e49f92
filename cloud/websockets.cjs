// @ts-check
'use strict';

/** @import { Addition, Framework } from './types.d.ts' */

const { behindSockets, logicalId, sub } = require('./names.cjs');

/** Events that the functions don't limit, because they cost the database nothing, and the part of the stage's rate for each. */
const UNLIMITED = ['PING', '$default'];
const PART = 1 / 4;

/**
 * Adds to the framework's WebSocket API: throttling, the access log, and who may call the functions.
 * @param {Framework} framework
 * @returns {Promise<Addition>}
 */
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

/**
 * Returns a part of a limit, 1 at least: 0 would let nothing through.
 * @param {number} amount
 */
const partOf = (amount) => Math.max(1, Math.ceil(amount * PART));

/**
 * @param {number} rate
 * @param {number} burst
 */
const routeSettings = (rate, burst) => ({
  // The execution log would hold every frame.
  DataTraceEnabled: false,
  DetailedMetricsEnabled: false,
  LoggingLevel: 'OFF',
  ThrottlingBurstLimit: burst,
  ThrottlingRateLimit: rate,
});

/** The access log has no token and no message. */
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

/** Without this, any gateway in any account may call the functions. */
const CALLED_BY_OUR_API = {
  Properties: {
    SourceArn: sub('arn:${AWS::Partition}:execute-api:${AWS::Region}:${AWS::AccountId}:${WebsocketsApi}/*'),
  },
};

/**
 * API Gateway writes WebSocket access logs with one role for the whole account and region. The role stays when this stack
 * is removed: other stacks may use it by then, and their logs would end silently.
 */
const KEPT = { DeletionPolicy: 'RetainExceptOnCreate', UpdateReplacePolicy: 'Retain' };
/** @param {string} boundaryArn */
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
