import { AppError, invalid } from '../errors/appError.ts';
import { preparePost } from '../realtime/gateway.ts';
import { onFrame } from './frameHandler.ts';

/** Answers a frame that no client event's route takes: no JSON object, no `event`, or an unknown event. */
export const unknownEvent = onFrame({ event: '$default', repeat: 'safe' }, preparePost, async ({ fields }) => {
  if (typeof fields['event'] !== 'string') throw invalid('/event', 'must be the name of an event');
  throw new AppError('UNKNOWN_EVENT');
});
