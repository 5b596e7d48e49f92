import mongoose from 'mongoose';
import type { ServerData, ServerFrame } from '../../lib/protocol/events.ts';
import { conversationModel } from '../../lib/store/conversations.ts';
import { activeMessageModel } from '../../lib/store/messages.ts';
import { eventually, within } from '../support/deadline.ts';
import { type InProcess, startDesk } from '../support/inProcess.ts';
import { startOwnReplicaSet } from '../support/ownMongod.ts';
import type { Desk } from '../support/system.ts';
import { expectWhole } from './invariants.ts';
import { askUntilAvailable, castOf, newScene, ROOMY, stream } from './scene.ts';

let set: Awaited<ReturnType<typeof startOwnReplicaSet>>;
let system: InProcess;
let desk: Desk;
beforeAll(async () => {
  set = await startOwnReplicaSet();
  ({ system, desk } = await startDesk({ ...ROOMY, MONGODB_URI: set.uri }));
});
afterAll(async () => {
  await system.stop();
  await set.remove();
});

describe('a primary that steps down in the middle of sends', () => {
  it('loses nothing that was acknowledged, and stores nothing twice', async () => {
    const { c, a, candidate, conversationId } = await newScene(desk, await castOf(desk));
    const accepted: ServerData<'MESSAGE_ACCEPTED'>[] = [];
    let on = true;
    const streams = [
      stream(c, conversationId, 'candidate', () => on, accepted),
      stream(a, conversationId, 'agent', () => on, accepted),
    ];
    await eventually('some messages', async () => accepted.length > 20);
    const admin = mongoose.connection.getClient().db('admin');
    const { me: formerPrimary } = await admin.command({ hello: 1 });
    // Of its own accord it won't be elected again within these seconds.
    await admin.command({ replSetStepDown: 10, force: true });
    const before = accepted.length;
    await eventually('messages after the stepdown', async () => accepted.length > before + 20);
    on = false;
    await Promise.all(streams);
    const { me: primary } = await admin.command({ hello: 1 });
    expect(primary).not.toBe(formerPrimary);
    await system.gateway.idle();
    await expectWhole(desk, candidate, conversationId, accepted);
  });
});

describe('a majority that is slow to follow', () => {
  /** Stops the secondaries from fetching what the primary writes, or lets them go on. */
  async function replicate(on: boolean): Promise<void> {
    const { hosts, me } = await mongoose.connection.getClient().db('admin').command({ hello: 1 });
    for (const host of (hosts as string[]).filter((member) => member !== me)) {
      const client = await mongoose.mongo.MongoClient.connect(`mongodb://${host}/?directConnection=true`);
      await client.db('admin').command({ configureFailPoint: 'stopReplProducer', mode: on ? 'off' : 'alwaysOn' });
      await client.close();
    }
  }

  /** Fulfils when a model is asked a second time for what has this name. */
  function twoLooks(of: object, method: 'find' | 'findOne', name: string): Promise<void> {
    const model = of as Record<string, (filter: Record<string, unknown>) => unknown>;
    const original = model[method] as (filter: Record<string, unknown>) => unknown;
    let looks = 0;
    return new Promise((resolve) => {
      model[method] = (filter) => {
        if (JSON.stringify(filter).includes(`"${name}"`)) looks += 1;
        if (looks === 2) {
          model[method] = original;
          resolve();
        }
        return original.call(model, filter);
      };
    });
  }

  it('does not keep a repeated send from being answered as the first one, and not before a majority has it', async () => {
    const { c, candidate, conversationId } = await newScene(desk, await castOf(desk));
    const data = { conversationId, content: 'said once', clientMessageId: 'once' };
    const local = mongoose.connection
      .getClient()
      .db()
      .collection('active_messages', { readConcern: { level: 'local' } });
    const asked: Promise<ServerFrame>[] = [];
    await replicate(false);
    try {
      asked.push(c.ask('SEND_MESSAGE', data));
      await eventually('the primary to have it', async () => local.findOne({ conversationId, content: 'said once' }));
      const lookedAgain = twoLooks(activeMessageModel(), 'findOne', 'once');
      asked.push(c.ask('SEND_MESSAGE', data));
      // One that is answered by what the primary has alone is answered after the first look; one whose transaction takes
      // long to be taken back, for that waits for a majority too, is given up before it.
      const second = Promise.race([lookedAgain, asked[1]]);
      await within('the second send to look a second time for a majority that has it, or to be given up', second);
      expect(c.frames('MESSAGE_ACCEPTED')).toEqual([]);
    } finally {
      await replicate(true);
    }
    // Either may have been given up meanwhile, where the machine is slow: it is then sent again.
    const answers = await Promise.all(
      asked.map(async (answered) => {
        const answer = await answered;
        const unavailable = answer.event === 'ERROR' && answer.data.code === 'UNAVAILABLE';
        return unavailable ? (await askUntilAvailable(c, 'SEND_MESSAGE', data)).data : answer.data;
      }),
    );
    const [{ duplicate: _, ...once }, again] = answers as ServerData<'MESSAGE_ACCEPTED'>[] as [
      ServerData<'MESSAGE_ACCEPTED'>,
      ServerData<'MESSAGE_ACCEPTED'>,
    ];
    expect(again).toEqual({ ...once, duplicate: true });
    await expectWhole(desk, candidate, conversationId, [again]);
  });

  it('does not keep a conversation opened again from being answered as the first one, and not before a majority has it', async () => {
    const { candidate } = await castOf(desk);
    const body = { subject: 'Once', clientConversationId: 'once' };
    const open = () => desk.call('POST', '/conversations', candidate.token, body);
    const local = mongoose.connection
      .getClient()
      .db()
      .collection('conversations', { readConcern: { level: 'local' } });
    const asked: ReturnType<typeof open>[] = [];
    let isAnswered = false;
    await replicate(false);
    try {
      asked.push(open());
      await eventually('the primary to have it', async () => local.findOne({ clientConversationId: 'once' }));
      const lookedAgain = twoLooks(conversationModel(), 'findOne', 'once');
      const again = open();
      void again.then(({ status }) => {
        isAnswered = status < 400;
      });
      asked.push(again);
      const second = Promise.race([lookedAgain, again]);
      await within('the second request to look a second time for a majority that has it, or to be given up', second);
      expect(isAnswered).toBe(false);
    } finally {
      await replicate(true);
    }
    await Promise.all(asked);
    const answers = await Promise.all(
      [1, 2].map(() =>
        eventually('an answer other than UNAVAILABLE', async () => {
          const answer = await open();
          return answer.status === 503 ? undefined : answer;
        }),
      ),
    );
    const given = [...(await Promise.all(asked)), ...answers].filter(({ status }) => status !== 503);
    expect(given.filter(({ status }) => status === 201).length).toBeLessThan(2);
    for (const { body: conversation } of given) expect(conversation).toEqual(given[0]?.body);
    expect(await local.countDocuments({ clientConversationId: 'once' })).toBe(1);
  });

  it('does not have a message stored after one that a failover could still take back', async () => {
    const { c, candidate, conversationId } = await newScene(desk, await castOf(desk));
    const named = (name: string, after?: string) => ({ conversationId, content: name, clientMessageId: name, after });
    const local = mongoose.connection
      .getClient()
      .db()
      .collection('active_messages', { readConcern: { level: 'local' } });
    await replicate(false);
    try {
      c.send('SEND_MESSAGE', named('m1'));
      await eventually('the primary to have it', async () => local.findOne({ conversationId, content: 'm1' }));
      const lookedAgain = twoLooks(activeMessageModel(), 'find', 'm2');
      c.send('SEND_MESSAGE', named('m2', 'm1'));
      // One that goes by what the primary has alone is stored after the first look.
      await within('the second message to look a second time for the first', lookedAgain);
      expect(await local.findOne({ conversationId, content: 'm2' })).toBeNull();
    } finally {
      await replicate(true);
    }
    for (const message of [named('m1'), named('m2', 'm1')]) await askUntilAvailable(c, 'SEND_MESSAGE', message);
    const history = await expectWhole(desk, candidate, conversationId);
    expect(history.map(({ content }) => content)).toEqual(['the first', 'm1', 'm2']);
  });
});
