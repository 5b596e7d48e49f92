import { AppError } from '../../errors/appError.ts';

/** The refusal of what would come to a conversation after its texts were erased or expired: nobody would delete it. */
export const textsGone = (what: 'notes' | 'tags'): AppError =>
  new AppError('CONFLICT', `The texts of this conversation are gone, for good. It takes no ${what}.`);
