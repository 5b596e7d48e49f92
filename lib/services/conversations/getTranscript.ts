import type { Caller } from '../../domain/permissions.ts';
import { AppError } from '../../errors/appError.ts';
import { limitTranscripts } from '../../limits/rateLimits.ts';
import type { Conversation, Message } from '../../protocol/objects/conversations.ts';
import { toConversation } from '../../store/conversations.ts';
import { readMessages } from '../../store/messages.ts';
import { peopleIn } from './present.ts';
import { requireVisible } from './requireVisible.ts';

/** A file for somebody to keep. */
export interface Transcript {
  readonly contentType: string;
  readonly fileName: string;
  readonly text: string;
}

/** Lambda hands an answer of 6 MB at most to the gateway, as JSON: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html */
const MOST_BYTES = 5 * 1000 * 1000;
const PAGE = 500;

/**
 * Makes the transcript of a conversation: what was said, by whom and when. What the staff note is not in it. Throws `NOT_FOUND`,
 * `PAYLOAD_TOO_LARGE` where it would be too large to hand over, `RATE_LIMITED`.
 */
export async function getTranscript(
  caller: Caller,
  conversationId: string,
  format: 'text' | 'json',
): Promise<Transcript> {
  await limitTranscripts(caller.userId);
  const record = await requireVisible(caller, conversationId);
  const conversation = toConversation(record, await peopleIn([record], caller));
  const messages: Message[] = [];
  let bytes = 0;
  while (messages.length < record.lastSeq) {
    const page = await readMessages(record, messages.length, PAGE);
    // Their texts are past their time.
    if (page.length === 0) break;
    bytes += page.reduce((sum, { content }) => sum + Buffer.byteLength(content), 0);
    if (bytes > MOST_BYTES) throw tooLarge();
    messages.push(...page);
  }
  const file = format === 'json' ? asJson(conversation, messages) : asText(conversation, messages);
  if (Buffer.byteLength(JSON.stringify(file.text)) > MOST_BYTES) throw tooLarge();
  return file;
}

const tooLarge = () =>
  new AppError('PAYLOAD_TOO_LARGE', 'The transcript is too large. Read the messages page by page instead.');

const asJson = (conversation: Conversation, messages: readonly Message[]): Transcript => ({
  contentType: 'application/json; charset=utf-8',
  fileName: `conversation-${conversation.id}.json`,
  text: JSON.stringify({ conversation, messages }),
});

/** After everything that some program takes for the end of a line: a message must not look like another one's head. */
const LINE_BEGIN = /^|(?<=[\v\f\u0085])/gm;

function asText({ id, subject, createdAt, closedAt }: Conversation, messages: readonly Message[]): Transcript {
  const said = messages.map(
    ({ sentAt, senderName, senderRole, content }) =>
      `[${sentAt}] ${senderName} (${senderRole}):\n${content.replaceAll(LINE_BEGIN, '  ')}\n`,
  );
  const ended = closedAt === null ? [] : [`Closed ${closedAt}\n`];
  return {
    contentType: 'text/plain; charset=utf-8',
    fileName: `conversation-${id}.txt`,
    text: [`${subject}\nOpened ${createdAt}\n`, ...said, ...ended].join('\n'),
  };
}
