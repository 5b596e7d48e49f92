'use strict';

const ref = (id) => ({ Ref: id });
const sub = (text) => ({ 'Fn::Sub': text });

const MINUTE = 60;

/** Alarms, the topic they speak to, and a dashboard. docs/runbook.md says of each what it means and what to do. */
module.exports = async ({ resolveVariable }) => {
  const service = await resolveVariable('self:service');
  const stage = await resolveVariable('sls:stage');
  const email = await resolveVariable("param:alarmEmail, ''");
  const own = { namespace: 'live-support', dimensions: { stage } };
  const http = { namespace: 'AWS/ApiGateway', dimensions: { ApiId: ref('HttpApi') } };
  const socket = { namespace: 'AWS/ApiGateway', dimensions: { ApiId: ref('WebsocketsApi'), Stage: stage } };
  const sweep = { namespace: 'AWS/Lambda', dimensions: { FunctionName: ref('SweepLambdaFunction') } };
  const queue = {
    namespace: 'AWS/SQS',
    dimensions: { QueueName: { 'Fn::GetAtt': ['SweepDeadLetters', 'QueueName'] } },
  };
  const lambda = { namespace: 'AWS/Lambda', dimensions: {} };

  const alarms = {
    HttpServerErrors: { ...http, metric: '5xx', above: 5, why: 'HTTP requests answered 5xx' },
    HttpLatency: {
      ...http,
      metric: 'Latency',
      statistic: 'p99',
      above: 3000,
      periods: 3,
      why: 'HTTP answers are slow',
    },
    SocketFaults: { ...socket, metric: 'IntegrationError', above: 5, why: 'WebSocket functions fail' },
    SocketLatency: {
      ...socket,
      metric: 'IntegrationLatency',
      statistic: 'p99',
      above: 3000,
      periods: 3,
      why: 'WebSocket functions are slow',
    },
    Faults: { ...own, metric: 'Faults', above: 5, why: 'commands ended in INTERNAL or UNAVAILABLE' },
    Throttles: { ...lambda, metric: 'Throttles', above: 0, why: 'functions are held back by the concurrency limit' },
    DeliveriesFailed: {
      ...own,
      metric: 'DeliveriesFailed',
      above: 20,
      periods: 2,
      why: 'frames could not be posted (not counting clients who are gone)',
    },
    ArchiveLag: {
      ...own,
      metric: 'ArchiveLagSeconds',
      statistic: 'Maximum',
      above: 15 * MINUTE,
      why: 'a closed conversation waits for its archive',
    },
    SweepFailing: { ...sweep, metric: 'Errors', above: 0, periods: 2, why: 'the scheduled sweep fails' },
    SweepNotRunning: {
      ...sweep,
      metric: 'Invocations',
      below: 1,
      period: 15 * MINUTE,
      missing: 'breaching',
      why: 'the scheduled sweep does not run',
    },
    DeadLetters: {
      ...queue,
      metric: 'ApproximateNumberOfMessagesVisible',
      statistic: 'Maximum',
      above: 0,
      why: 'a run of the sweep was given up',
    },
    SignInFailures: { ...own, metric: 'SignInFailures', above: 200, why: 'somebody is guessing passwords' },
  };

  return {
    Resources: {
      AlarmTopic: {
        Type: 'AWS::SNS::Topic',
        // Alarms may not use the key alias/aws/sns, and would be lost without a word: repost.aws/knowledge-center/
        // cloudwatch-configure-alarm-sns. A key of one's own costs more than there is to hide: names and numbers.
        Metadata: { checkov: { skip: [{ id: 'CKV_AWS_26', comment: 'alarms could not be told' }] } },
        Properties: {
          TopicName: `${service}-${stage}-alarms`,
          ...(email && { Subscription: [{ Protocol: 'email', Endpoint: email }] }),
        },
      },
      ...Object.fromEntries(
        Object.entries(alarms).map(([name, alarm]) => [`${name}Alarm`, alarmResource(name, alarm, service, stage)]),
      ),
      Dashboard: {
        Type: 'AWS::CloudWatch::Dashboard',
        Properties: { DashboardName: `${service}-${stage}`, DashboardBody: sub(dashboard(stage)) },
      },
    },
    Outputs: { AlarmTopicArn: { Description: 'Where alarms are told', Value: ref('AlarmTopic') } },
  };
};

function alarmResource(name, alarm, service, stage) {
  const statistic = alarm.statistic ?? 'Sum';
  return {
    Type: 'AWS::CloudWatch::Alarm',
    Properties: {
      AlarmName: `${service}-${stage}-${name}`,
      AlarmDescription: `${alarm.why}: see ${name} in docs/runbook.md`,
      Namespace: alarm.namespace,
      MetricName: alarm.metric,
      Dimensions: Object.entries(alarm.dimensions).map(([Name, Value]) => ({ Name, Value })),
      ...(statistic.startsWith('p') ? { ExtendedStatistic: statistic } : { Statistic: statistic }),
      Period: alarm.period ?? 5 * MINUTE,
      EvaluationPeriods: alarm.periods ?? 1,
      Threshold: alarm.above ?? alarm.below,
      ComparisonOperator: alarm.above === undefined ? 'LessThanThreshold' : 'GreaterThanThreshold',
      TreatMissingData: alarm.missing ?? 'notBreaching',
      AlarmActions: [ref('AlarmTopic')],
      OKActions: [ref('AlarmTopic')],
    },
  };
}

function dashboard(stage) {
  const own = (metric, stat = 'Sum') => ['live-support', metric, 'stage', stage, { stat }];
  const http = (metric, stat = 'Sum') => ['AWS/ApiGateway', metric, 'ApiId', '${HttpApi}', { stat }];
  const socket = (metric, stat = 'Sum') => [
    'AWS/ApiGateway',
    metric,
    'ApiId',
    '${WebsocketsApi}',
    'Stage',
    stage,
    { stat },
  ];
  const panels = [
    ['Messages', [own('MessagesAccepted'), own('DeliveriesDelivered'), own('DeliveriesGone'), own('DeliveriesFailed')]],
    ['Conversations', [own('ConversationsWaiting', 'Maximum'), own('ConversationsAssigned', 'Maximum')]],
    ['Longest waits, seconds', [own('LongestWaitSeconds', 'Maximum'), own('ArchiveLagSeconds', 'Maximum')]],
    ['Trouble', [own('Faults'), own('SignInFailures'), http('5xx'), http('4xx'), socket('IntegrationError')]],
    ['Latency, ms', [http('Latency', 'p50'), http('Latency', 'p99'), socket('IntegrationLatency', 'p99')]],
    ['Traffic', [http('Count'), socket('ConnectCount'), socket('MessageCount')]],
  ];
  return JSON.stringify({
    widgets: panels.map(([title, metrics], index) => ({
      type: 'metric',
      x: (index % 2) * 12,
      y: Math.floor(index / 2) * 6,
      width: 12,
      height: 6,
      properties: { title, metrics, region: '${AWS::Region}', view: 'timeSeries', period: 300 },
    })),
  });
}
