import { conversationModel, ERASED } from '../conversations.ts';
import { trusted } from '../database.ts';

/** Takes the candidates' names for conversations whose texts had their time under an earlier release. */
export async function forgetExpiredNames(): Promise<void> {
  await conversationModel().updateMany(
    trusted({
      clientConversationId: { $exists: true },
      status: 'closed',
      subject: ERASED,
      messagesExpireAt: { $lt: new Date() },
      retentionDays: { $exists: false },
    }),
    { $unset: { clientConversationId: 1 } },
  );
}
