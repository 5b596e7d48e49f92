import { conversationModel } from '../../lib/store/conversations.ts';
import { trusted } from '../../lib/store/database.ts';
import { activeMessageModel } from '../../lib/store/messages.ts';
import { userModel } from '../../lib/store/users.ts';
import { type InProcess, startDesk } from '../support/inProcess.ts';
import { tapStdout } from '../support/stdout.ts';
import type { Desk } from '../support/system.ts';

/** What an operator is told of in numbers. */

let system: InProcess;
let desk: Desk;
let lines: Record<string, unknown>[];
let stopTapping: () => void;

beforeAll(async () => ({ system, desk } = await startDesk({ METRICS: 'on', ACTIVE_MESSAGE_TTL_SECONDS: '600' })));
afterAll(() => system.stop());

beforeEach(() => {
  lines = [];
  stopTapping = tapStdout(
    (text) => text.startsWith('{"_aws"') && lines.push(JSON.parse(text) as Record<string, unknown>) > 0,
  );
});
afterEach(() => stopTapping());

/** The sum of a metric over what was written, or `undefined` where it was not. */
function told(metric: string): number | undefined {
  const values = lines.flatMap((line) => (metric in line ? [line[metric] as number] : []));
  return values.length === 0 ? undefined : values.reduce((sum, value) => sum + value, 0);
}

it('writes CloudWatch’s embedded format: each metric declared, with its unit and stage', async () => {
  await system.operate('sweep');
  expect(lines.length).toBeGreaterThan(0);
  for (const { _aws, stage, ...values } of lines as { _aws: { CloudWatchMetrics: unknown }; stage: string }[]) {
    expect(stage).toBe('local');
    expect(_aws.CloudWatchMetrics).toEqual([
      {
        Namespace: 'live-support',
        Dimensions: [['stage']],
        Metrics: Object.keys(values).map((Name) => ({ Name, Unit: expect.stringMatching(/^(Count|Seconds)$/) })),
      },
    ]);
  }
});

describe('the oldest unarchived message', () => {
  const MINUTE = 60_000;
  const age = async () => {
    lines = [];
    await system.operate('sweep');
    return told('OldestUnarchivedMessageSeconds');
  };

  it('ages while its conversation runs, and is none once it is archived', async () => {
    expect(await age()).toBe(0);
    const { agent, conversation } = await desk.assigned('hello');
    await activeMessageModel().updateOne(
      { conversationId: conversation.id },
      { $set: { sentAt: new Date(Date.now() - 10 * MINUTE) } },
    );
    expect(await age()).toBeGreaterThanOrEqual(600);
    await desk.ok('POST', `/conversations/${conversation.id}/close`, agent.token);
    await system.gateway.idle();
    // Its copy in the active collection is still there.
    expect(await activeMessageModel().countDocuments({ conversationId: conversation.id })).toBe(1);
    expect(await age()).toBe(0);
  });

  it('is seen where no close takes it along', async () => {
    const { agent, conversation } = await desk.assigned('left behind');
    await desk.ok('POST', `/conversations/${conversation.id}/close`, agent.token);
    await system.gateway.idle();
    await conversationModel().updateOne({ _id: conversation.id }, { $unset: { closing: 1 } });
    await activeMessageModel().updateOne(
      { conversationId: conversation.id },
      { $unset: { expiresAt: 1 }, $set: { sentAt: new Date(Date.now() - 60 * MINUTE) } },
    );
    expect(await age()).toBeGreaterThanOrEqual(3600);
  });

  it('is found without a look at any other', async () => {
    const { executionStats } = (await activeMessageModel()
      .find(trusted({ expiresAt: { $exists: false } }))
      .sort({ sentAt: 1 })
      .limit(1)
      .explain('executionStats')) as unknown as { executionStats: { nReturned: number; totalDocsExamined: number } };
    expect(executionStats).toMatchObject({ nReturned: 1, totalDocsExamined: 1 });
  });
});

describe('a desk at work', () => {
  const available = async () => {
    const supervisor = await desk.supervisor();
    const agent = await desk.agent(supervisor);
    const routing = { mode: 'automatic', requeueAfterSeconds: 60, answerWithinSeconds: null };
    await desk.ok('PUT', '/routing', supervisor.token, routing);
    const socket = await desk.connect(agent);
    await socket.expect('AVAILABILITY_SET', 'SET_AVAILABILITY', { status: 'available' });
    await system.gateway.idle();
    return { agent, socket };
  };

  it('counts what it gives by rule, after a change as by its clock, and what its clock takes back', async () => {
    const { agent, socket } = await available();
    lines = [];
    const { id } = await desk.conversation(await desk.candidate());
    await system.gateway.idle();
    expect([told('ConversationsRouted'), told('ConversationsTakenBack')]).toEqual([1, undefined]);
    const longAgo = new Date(Date.now() - 3_600_000);
    await conversationModel().updateOne({ _id: id }, { $set: { assignedAt: longAgo } });
    await userModel().updateOne({ _id: agent.user.id }, { $set: { availableUntil: longAgo } });
    await system.operate('dispatch', { tick: true });
    expect([told('ConversationsRouted'), told('ConversationsTakenBack')]).toEqual([1, 1]);
    await userModel().updateOne(
      { _id: agent.user.id },
      { $set: { leased: true, availableUntil: new Date(Date.now() + 60_000) }, $inc: { availabilities: 1 } },
    );
    await system.operate('dispatch', { tick: true });
    expect(told('ConversationsRouted')).toBe(2);
    await socket.expect('AVAILABILITY_SET', 'SET_AVAILABILITY', { status: 'away' });
  });

  it('says what nobody attends to: something waits, a team is automatic, and nobody is available', async () => {
    const unattended = async () => {
      lines = [];
      await system.operate('sweep');
      return told('ConversationsUnattended');
    };
    const { socket } = await available();
    await socket.expect('AVAILABILITY_SET', 'SET_AVAILABILITY', { status: 'away' });
    await desk.conversation(await desk.candidate());
    await system.gateway.idle();
    expect(await unattended()).toBe(1);
    await socket.expect('AVAILABILITY_SET', 'SET_AVAILABILITY', { status: 'available' });
    await desk.conversation(await desk.candidate());
    await system.gateway.idle();
    expect(await unattended()).toBe(0);
    await socket.expect('AVAILABILITY_SET', 'SET_AVAILABILITY', { status: 'away' });
    expect(await unattended()).toBe(0);
    await desk.conversation(await desk.candidate());
    expect(await unattended()).toBe(1);
  });
});

it('counts answers that do not arrive, as it does frames to a room', async () => {
  const { candidate } = await desk.assigned('hello');
  const socket = await desk.connect(candidate);
  const connectionId = system.gateway.connectionId(socket);
  await system.gateway.idle();
  lines = [];
  await socket.expect('PONG', 'PING', {});
  await system.gateway.idle();
  expect(lines).toEqual([]);
  system.gateway.losesDisconnects = true;
  socket.close();
  const ping = {
    body: JSON.stringify({ event: 'PING', data: {} }),
    requestContext: { routeKey: 'PING', connectionId, requestId: 'r' },
  };
  await system.operate('websocket', ping);
  system.gateway.losesDisconnects = false;
  expect(told('DeliveriesGone')).toBe(1);
});
