import { answerUnknownRoute } from '../lib/http/unknownRoute.ts';

export const handler = answerUnknownRoute;
