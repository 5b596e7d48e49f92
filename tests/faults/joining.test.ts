import { conversationModel } from '../../lib/store/conversations.ts';
import { type InProcess, startDesk } from '../support/inProcess.ts';
import type { Desk } from '../support/system.ts';

let system: InProcess;
let desk: Desk;
beforeAll(async () => ({ system, desk } = await startDesk()));
afterAll(() => system.stop());

/** Does `before` and `after` around the next time a connection is put in a room. */
function aroundEntering(before: () => Promise<unknown>, after: () => Promise<unknown>): void {
  type Write = (...given: unknown[]) => Promise<unknown>;
  const collection = conversationModel().collection as unknown as { findOneAndUpdate: Write };
  const { findOneAndUpdate } = collection;
  collection.findOneAndUpdate = async (...given) => {
    collection.findOneAndUpdate = findOneAndUpdate;
    await before();
    const result = await findOneAndUpdate.apply(collection, given);
    await after();
    return result;
  };
}

describe('joining while others talk', () => {
  it('lets no message fall between what is replayed and what is broadcast', async () => {
    const { candidate, agent, conversation } = await desk.assigned('first');
    const { id: conversationId } = conversation;
    const talker = await desk.join(agent, conversationId);
    const say = (content: string) => () =>
      talker.expect('MESSAGE_ACCEPTED', 'SEND_MESSAGE', { conversationId, content });
    aroundEntering(say('just before'), say('just after'));

    const joiner = await desk.connect(candidate);
    const { messages } = await joiner.expect('CONVERSATION_JOINED', 'JOIN_CONVERSATION', { conversationId });
    await say('later')();
    await joiner.next('NEW_MESSAGE', ({ content }) => content === 'later');

    const heard = [...messages, ...joiner.frames('NEW_MESSAGE')].map(({ content }) => content);
    expect(new Set(heard)).toEqual(new Set(['first', 'just before', 'just after', 'later']));
    expect(messages.map(({ content }) => content)).toEqual(['first', 'just before']);
  });
});
