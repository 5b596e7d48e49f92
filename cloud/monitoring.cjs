'use strict';

const { behindSockets, logicalId } = require('./names.cjs');

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
  const socketErrors = behindSockets(await resolveVariable('self:functions')).map((name) => ({
    namespace: 'AWS/Lambda',
    dimensions: { FunctionName: ref(logicalId(name, 'LambdaFunction')) },
    metric: 'Errors',
  }));
  /** Requests in a minute that come near what the gateway lets through. Of those it refuses it keeps no sure count. */
  const near = async (rate) => Math.floor(Number(await resolveVariable(`param:${rate}`)) * MINUTE * 0.8);

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
    // Not the gateway's IntegrationError: it counts every refused upgrade.
    SocketFaults: {
      sumOf: [{ ...socket, metric: 'ExecutionError' }, ...socketErrors],
      above: 5,
      why: 'WebSocket functions crash or cannot be called',
    },
    SocketLatency: {
      ...socket,
      metric: 'IntegrationLatency',
      statistic: 'p99',
      above: 3000,
      periods: 3,
      why: 'WebSocket functions are slow',
    },
    Faults: { ...own, metric: 'Faults', above: 5, why: 'commands ended in INTERNAL or UNAVAILABLE' },
    HttpNearLimit: {
      ...http,
      metric: 'Count',
      above: await near('httpRate'),
      period: MINUTE,
      periods: 3,
      why: 'HTTP requests are near the rate that is refused',
    },
    SocketsNearLimit: {
      // How often a function was called: MessageCount has what we post in it, which this rate doesn't limit.
      ...socket,
      metric: 'IntegrationLatency',
      statistic: 'SampleCount',
      above: await near('websocketRate'),
      period: MINUTE,
      periods: 3,
      why: 'connects and frames are near the rate that is refused',
    },
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
      // Told once in a run of the sweep: a run that comes late is no all-clear.
      missing: 'ignore',
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
        Properties: { DashboardName: `${service}-${stage}`, DashboardBody: sub(dashboard(stage, service)) },
      },
    },
    Outputs: { AlarmTopicArn: { Description: 'Where alarms are told', Value: ref('AlarmTopic') } },
  };
};

function alarmResource(name, alarm, service, stage) {
  return {
    Type: 'AWS::CloudWatch::Alarm',
    Properties: {
      AlarmName: `${service}-${stage}-${name}`,
      AlarmDescription: `${alarm.why}: see ${name} in docs/runbook.md`,
      ...(alarm.sumOf ? sumOf(alarm) : single(alarm)),
      EvaluationPeriods: alarm.periods ?? 1,
      Threshold: alarm.above ?? alarm.below,
      ComparisonOperator: alarm.above === undefined ? 'LessThanThreshold' : 'GreaterThanThreshold',
      TreatMissingData: alarm.missing ?? 'notBreaching',
      AlarmActions: [ref('AlarmTopic')],
      OKActions: [ref('AlarmTopic')],
    },
  };
}

const metricOf = ({ namespace, metric, dimensions }) => ({
  Namespace: namespace,
  MetricName: metric,
  Dimensions: Object.entries(dimensions).map(([Name, Value]) => ({ Name, Value })),
});

function single(alarm) {
  const { statistic = 'Sum', period = 5 * MINUTE } = alarm;
  return {
    ...metricOf(alarm),
    ...(statistic.startsWith('p') ? { ExtendedStatistic: statistic } : { Statistic: statistic }),
    Period: period,
  };
}

/** Of several metrics, those without data being 0. CloudWatch takes ten in an alarm. */
function sumOf({ sumOf, period = 5 * MINUTE }) {
  const parts = sumOf.map((part, index) => ({
    Id: `m${index}`,
    MetricStat: { Metric: metricOf(part), Stat: 'Sum', Period: period },
    ReturnData: false,
  }));
  const terms = parts.map(({ Id }) => `FILL(${Id}, 0)`);
  return { Metrics: [...parts, { Id: 'sum', Expression: terms.join(' + '), ReturnData: true }] };
}

function dashboard(stage, service) {
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
  const functions = (metric, stat = 'Sum') => [
    {
      expression: `SUM(SEARCH('{AWS/Lambda,FunctionName} MetricName="${metric}" ${service}-${stage}', '${stat}'))`,
      label: metric,
    },
  ];
  const eachFunction = (metric, stat = 'Sum') => [
    {
      expression: `SEARCH('{AWS/Lambda,FunctionName} MetricName="${metric}" ${service}-${stage}', '${stat}')`,
      label: metric,
    },
  ];
  const deadLetters = [
    'AWS/SQS',
    'ApproximateNumberOfMessagesVisible',
    'QueueName',
    '${SweepDeadLetters.QueueName}',
    { stat: 'Maximum' },
  ];
  const panels = [
    ['Messages', [own('MessagesAccepted'), own('DeliveriesDelivered'), own('DeliveriesGone'), own('DeliveriesFailed')]],
    ['Conversations', [own('ConversationsWaiting', 'Maximum'), own('ConversationsAssigned', 'Maximum')]],
    [
      'Longest waits, seconds',
      [
        own('LongestWaitSeconds', 'Maximum'),
        own('ArchiveLagSeconds', 'Maximum'),
        own('OldestUnarchivedMessageSeconds', 'Maximum'),
      ],
    ],
    ['Trouble', [own('Faults'), own('SignInFailures'), http('5xx'), socket('ExecutionError'), deadLetters]],
    ['Refused', [http('4xx'), socket('ClientError'), socket('IntegrationError')]],
    ['Latency, ms', [http('Latency', 'p50'), http('Latency', 'p99'), socket('IntegrationLatency', 'p99')]],
    ['Functions', [functions('Errors'), functions('Throttles'), functions('ConcurrentExecutions', 'Maximum')]],
    ['Errors and throttles by function', [eachFunction('Errors'), eachFunction('Throttles')]],
    ['How long functions take, p99, ms', [eachFunction('Duration', 'p99')]],
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
