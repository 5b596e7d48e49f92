// @ts-check
'use strict';

/** @import { Addition, Framework, Json } from './types.d.ts' */

const { behindSockets, logicalId, sub } = require('./names.cjs');

/**
 * A metric of CloudWatch's.
 * @typedef {object} Metric
 * @property {string} namespace
 * @property {Readonly<Record<string, Json>>} dimensions
 * @property {string} metric
 */

/**
 * When an alarm is raised. Periods are seconds.
 * @typedef {object} Threshold
 * @property {string} why
 * @property {number} [above]
 * @property {number} [below]
 * @property {number} [period]
 * @property {number} [periods]
 * @property {string} [statistic]
 * @property {string} [missing]
 */

/** @typedef {Threshold & (Metric | { readonly sumOf: readonly Metric[] })} Alarm */

const ref = (/** @type {string} */ id) => ({ Ref: id });

const MINUTE = 60;

/**
 * Makes the alarms, the topic that gets them, and a dashboard. docs/runbook.md says what each alarm means and what to do.
 * @param {Framework} framework
 * @returns {Promise<Addition>}
 */
module.exports = async ({ resolveVariable }) => {
  const service = await resolveVariable('self:service');
  const stage = await resolveVariable('sls:stage');
  const email = await resolveVariable("param:alarmEmail, ''");
  const own = { namespace: 'live-support', dimensions: { stage } };
  const http = { namespace: 'AWS/ApiGateway', dimensions: { ApiId: ref('HttpApi') } };
  const socket = { namespace: 'AWS/ApiGateway', dimensions: { ApiId: ref('WebsocketsApi'), Stage: stage } };
  const sweep = { namespace: 'AWS/Lambda', dimensions: { FunctionName: ref('SweepLambdaFunction') } };
  const dispatch = { namespace: 'AWS/Lambda', dimensions: { FunctionName: ref('DispatchLambdaFunction') } };
  const clock = { namespace: 'AWS/Events', dimensions: { RuleName: ref('DispatchEventsRuleSchedule1') } };
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
  /** Requests in a minute that come near the gateway's rate. The gateway keeps no sure count of those it refuses. */
  const near = async (/** @type {string} */ rate) =>
    Math.floor(Number(await resolveVariable(`param:${rate}`)) * MINUTE * 0.8);

  /** @type {Readonly<Record<string, Alarm>>} */
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
      // Counts calls of functions. MessageCount also has posts to clients, which this rate doesn't limit.
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
      // The sweep writes this once a run: a late run must not end the alarm.
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
    LongestWait: {
      ...own,
      metric: 'LongestWaitSeconds',
      statistic: 'Maximum',
      above: 30 * MINUTE,
      missing: 'ignore',
      why: 'a conversation waits for an agent',
    },
    Unattended: {
      ...own,
      metric: 'ConversationsUnattended',
      statistic: 'Maximum',
      above: 0,
      // Three sweeps: an agent may have let their lease run out, and be back at once.
      periods: 3,
      missing: 'ignore',
      why: 'conversations wait, a team is automatic, and nobody is available',
    },
    TakenBack: {
      ...own,
      metric: 'ConversationsTakenBack',
      above: 20,
      why: 'many conversations were taken from agents who left them alone',
    },
    DispatchFailing: { ...dispatch, metric: 'Errors', above: 0, periods: 2, why: 'the dispatcher fails' },
    DispatchNotRunning: {
      // Not the function's own Invocations: on a busy desk others call it, whether its clock runs or not.
      ...clock,
      metric: 'Invocations',
      below: 1,
      missing: 'breaching',
      why: "the dispatcher's clock does not run",
    },
    DispatchDropped: {
      ...dispatch,
      metric: 'AsyncEventsDropped',
      above: 5,
      why: 'calls of the dispatcher were given up',
    },
    MailsGivenUp: {
      ...own,
      metric: 'MailsGivenUp',
      above: 0,
      why: 'a mail with which somebody sets a new password was not sent',
    },
    MailLag: {
      ...own,
      metric: 'MailLagSeconds',
      statistic: 'Maximum',
      above: 10 * MINUTE,
      // The sweep writes this once a run, and not at all where no mails are sent.
      missing: 'ignore',
      why: 'a mail waits to be sent',
    },
    SignInFailures: { ...own, metric: 'SignInFailures', above: 200, why: 'somebody is guessing passwords' },
  };

  return {
    Resources: {
      AlarmTopic: {
        Type: 'AWS::SNS::Topic',
        // Alarms may not use the key alias/aws/sns, and would be lost silently: repost.aws/knowledge-center/
        // cloudwatch-configure-alarm-sns. A key of its own would cost, and alarms have only names and numbers to hide.
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

/**
 * @param {string} name
 * @param {Alarm} alarm
 * @param {string} service
 * @param {string} stage
 * @returns {Json}
 */
function alarmResource(name, alarm, service, stage) {
  return {
    Type: 'AWS::CloudWatch::Alarm',
    Properties: {
      AlarmName: `${service}-${stage}-${name}`,
      AlarmDescription: `${alarm.why}: see ${name} in docs/runbook.md`,
      ...('sumOf' in alarm ? sumOf(alarm) : single(alarm)),
      EvaluationPeriods: alarm.periods ?? 1,
      Threshold: alarm.above ?? alarm.below ?? 0,
      ComparisonOperator: alarm.above === undefined ? 'LessThanThreshold' : 'GreaterThanThreshold',
      TreatMissingData: alarm.missing ?? 'notBreaching',
      AlarmActions: [ref('AlarmTopic')],
      OKActions: [ref('AlarmTopic')],
    },
  };
}

/** @param {Metric} metric */
const metricOf = ({ namespace, metric, dimensions }) => ({
  Namespace: namespace,
  MetricName: metric,
  Dimensions: Object.entries(dimensions).map(([Name, Value]) => ({ Name, Value })),
});

/**
 * @param {Threshold & Metric} alarm
 * @returns {Readonly<Record<string, Json>>}
 */
function single(alarm) {
  const { statistic = 'Sum', period = 5 * MINUTE } = alarm;
  return {
    ...metricOf(alarm),
    ...(statistic.startsWith('p') ? { ExtendedStatistic: statistic } : { Statistic: statistic }),
    Period: period,
  };
}

/**
 * Sums several metrics, and takes those without data for 0. CloudWatch takes ten in an alarm.
 * @param {Threshold & { readonly sumOf: readonly Metric[] }} alarm
 * @returns {Readonly<Record<string, Json>>}
 */
function sumOf({ sumOf, period = 5 * MINUTE }) {
  const parts = sumOf.map((part, index) => ({
    Id: `m${index}`,
    MetricStat: { Metric: metricOf(part), Stat: 'Sum', Period: period },
    ReturnData: false,
  }));
  const terms = parts.map(({ Id }) => `FILL(${Id}, 0)`);
  return { Metrics: [...parts, { Id: 'sum', Expression: terms.join(' + '), ReturnData: true }] };
}

/**
 * @param {string} stage
 * @param {string} service
 */
function dashboard(stage, service) {
  /** @typedef {(metric: string, stat?: string) => Json[]} Panel */
  /** @type {Panel} */
  const own = (metric, stat = 'Sum') => ['live-support', metric, 'stage', stage, { stat }];
  /** @type {Panel} */
  const http = (metric, stat = 'Sum') => ['AWS/ApiGateway', metric, 'ApiId', '${HttpApi}', { stat }];
  /** @type {Panel} */
  const socket = (metric, stat = 'Sum') => [
    'AWS/ApiGateway',
    metric,
    'ApiId',
    '${WebsocketsApi}',
    'Stage',
    stage,
    { stat },
  ];
  /** @type {Panel} */
  const functions = (metric, stat = 'Sum') => [
    {
      expression: `SUM(SEARCH('{AWS/Lambda,FunctionName} MetricName="${metric}" ${service}-${stage}', '${stat}'))`,
      label: metric,
    },
  ];
  /** @type {Panel} */
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
  /** @type {readonly (readonly [title: string, metrics: Json[]])[]} */
  const panels = [
    ['Messages', [own('MessagesAccepted'), own('DeliveriesDelivered'), own('DeliveriesGone'), own('DeliveriesFailed')]],
    [
      'Conversations',
      [
        own('ConversationsWaiting', 'Maximum'),
        own('ConversationsAssigned', 'Maximum'),
        own('ConversationsUnattended', 'Maximum'),
      ],
    ],
    ['Given and taken back by rule', [own('ConversationsRouted'), own('ConversationsTakenBack')]],
    [
      'Longest waits, seconds',
      [
        own('LongestWaitSeconds', 'Maximum'),
        own('ArchiveLagSeconds', 'Maximum'),
        own('OldestUnarchivedMessageSeconds', 'Maximum'),
      ],
    ],
    ['Trouble', [own('Faults'), own('SignInFailures'), http('5xx'), socket('ExecutionError'), deadLetters]],
    ['Mails', [own('MailsSent'), own('MailsGivenUp'), own('MailLagSeconds', 'Maximum')]],
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
