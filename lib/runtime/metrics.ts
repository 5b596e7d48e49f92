import { config } from './config.ts';

/** Every metric of the service, with its CloudWatch unit. cloud/monitoring.cjs draws and watches them. */
const UNITS = {
  MessagesAccepted: 'Count',
  DeliveriesDelivered: 'Count',
  DeliveriesGone: 'Count',
  DeliveriesFailed: 'Count',
  Faults: 'Count',
  SignInFailures: 'Count',
  ConversationsWaiting: 'Count',
  ConversationsAssigned: 'Count',
  ConversationsRouted: 'Count',
  ConversationsTakenBack: 'Count',
  ConversationsUnattended: 'Count',
  MailsSent: 'Count',
  MailsGivenUp: 'Count',
  MailLagSeconds: 'Seconds',
  LongestWaitSeconds: 'Seconds',
  ArchiveLagSeconds: 'Seconds',
  OldestUnarchivedMessageSeconds: 'Seconds',
} as const;

export type MetricName = keyof typeof UNITS;

/**
 * Counts, by writing one line to the log, which CloudWatch turns into metrics. This needs no call, no agent and no
 * waiting.
 * https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
 */
export function metrics(values: Partial<Record<MetricName, number>>): void {
  const { METRICS, STAGE } = config();
  if (METRICS === 'off') return;
  const names = Object.keys(values) as MetricName[];
  const line = {
    _aws: {
      Timestamp: Date.now(),
      CloudWatchMetrics: [
        {
          Namespace: 'live-support',
          Dimensions: [['stage']],
          Metrics: names.map((name) => ({ Name: name, Unit: UNITS[name] })),
        },
      ],
    },
    stage: STAGE,
    ...values,
  };
  process.stdout.write(`${JSON.stringify(line)}\n`);
}
