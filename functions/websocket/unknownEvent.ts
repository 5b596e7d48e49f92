import { answerUnknown } from '../../lib/websocket/unknown.ts';

export const handler = answerUnknown;
