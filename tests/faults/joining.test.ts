import { type InProcess, startDesk } from '../support/inProcess.ts';
import type { Desk } from '../support/system.ts';
import { aroundEntering } from './scene.ts';

let system: InProcess;
let desk: Desk;
beforeAll(async () => ({ system, desk } = await startDesk()));
afterAll(() => system.stop());

describe('joining while others talk', () => {
  it('lets no message fall between what is replayed and what is broadcast', async () => {
    const { candidate, agent, conversation } = await desk.assigned('first');
    const { id: conversationId } = conversation;
    const talker = await desk.join(agent, conversationId);
    const say = (content: string) => () =>
      talker.expect('MESSAGE_ACCEPTED', 'SEND_MESSAGE', { conversationId, content });
    aroundEntering({ before: say('just before'), after: say('just after') });

    const joiner = await desk.connect(candidate);
    const { messages } = await joiner.expect('CONVERSATION_JOINED', 'JOIN_CONVERSATION', { conversationId });
    await say('later')();
    await joiner.next('NEW_MESSAGE', ({ content }) => content === 'later');

    const heard = [...messages, ...joiner.frames('NEW_MESSAGE')].map(({ content }) => content);
    expect(new Set(heard)).toEqual(new Set(['first', 'just before', 'just after', 'later']));
    expect(messages.map(({ content }) => content)).toEqual(['first', 'just before']);
  });
});
