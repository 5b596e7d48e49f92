import { answerPage } from '../lib/site/answerPage.ts';

export const handler = answerPage;
