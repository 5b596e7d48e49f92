import { finishClosing } from '../../lib/services/conversations/finishClosing.ts';
import { conversationModel } from '../../lib/store/conversations.ts';
import { activeMessageModel, messageModel } from '../../lib/store/messages.ts';
import { type InProcess, startDesk } from '../support/inProcess.ts';
import type { Desk } from '../support/system.ts';
import { expectNothingExpiresEarly, recordOf } from './invariants.ts';
import { castOf, closeUnfinished, newScene, type Scene } from './scene.ts';

const MESSAGES = process.env['SOAK'] === '1' ? 100_000 : 8_000;
/** Less than a batch takes: every slice ends after the batch it began. */
const SLICE_MS = 1;

let system: InProcess;
let desk: Desk;
beforeAll(async () => ({ system, desk } = await startDesk()));
afterAll(() => system.stop());

/** Puts messages into a running conversation, past the handlers: sending as many would take minutes. */
async function fill({ conversationId, candidate }: Scene): Promise<void> {
  const MOST = 10_000;
  for (let from = 2; from <= MESSAGES; from += MOST) {
    await activeMessageModel().collection.insertMany(
      Array.from({ length: Math.min(MOST, MESSAGES - from + 1) }, (_, index) => ({
        _id: `${conversationId}-${from + index}` as never,
        conversationId,
        seq: from + index,
        senderId: candidate.user.id,
        senderRole: 'candidate',
        content: `message ${from + index}`,
        clientMessageId: null,
        sentAt: new Date(),
        broadcastAt: null,
      })),
    );
  }
  await conversationModel().updateOne({ _id: conversationId }, { $set: { lastSeq: MESSAGES } });
}

describe(`a conversation of ${MESSAGES} messages (100000 with SOAK=1)`, () => {
  it('is archived slice by slice, each going on where the last one stopped, and reads the same all the while', async () => {
    const scene = await newScene(desk, await castOf(desk));
    const { c, candidate, conversationId } = scene;
    await fill(scene);
    const readPages = async () => {
      const pages = [0, 1_990, MESSAGES / 2, MESSAGES - 150].map((after) =>
        desk.ok('GET', `/conversations/${conversationId}/messages?limit=200&afterSeq=${after}`, candidate.token),
      );
      return Promise.all(pages);
    };
    const before = await readPages();
    const closed = await closeUnfinished(scene);

    // The room is told before the first message is copied.
    expect(await finishClosing(closed, { until: 0 })).toBe(false);
    await c.next('CONVERSATION_CLOSED', ({ lastSeq }) => lastSeq === MESSAGES);
    expect(await messageModel().countDocuments({ conversationId })).toBe(0);

    const steps: { step: string; through: number }[] = [];
    for (let finished = false; !finished; ) {
      const record = await recordOf(conversationId);
      const { step = '', through = 0 } = record.closing ?? {};
      steps.push({ step, through });
      if (steps.length % 4 === 1) {
        await expectNothingExpiresEarly(conversationId);
        expect(await readPages()).toEqual(before);
      }
      finished = await finishClosing(record, { until: Date.now() + SLICE_MS });
    }
    for (const kind of ['archive', 'release']) {
      const reached = steps.filter(({ step }) => step === kind).map(({ through }) => through);
      expect(reached.length).toBeGreaterThan(2);
      // A slice may be over before it has come anywhere, on a busy machine; none goes back.
      expect(reached).toEqual(reached.toSorted((x, y) => x - y));
    }
    expect(await messageModel().countDocuments({ conversationId })).toBe(MESSAGES);
    expect(await readPages()).toEqual(before);
    expect(c.frames('CONVERSATION_CLOSED')).toHaveLength(1);
  });
});
