import { AppError } from '../../errors/appError.ts';
import { mergedInto } from '../../store/customers.ts';
import type { Transaction } from '../../store/database.ts';

/**
 * Requires that a candidate is no visitor who turned out to be a customer: what that visitor has said is the customer's now, and goes
 * with the customer. Throws `CONFLICT`.
 */
export async function requireUnmerged(userId: string, session?: Transaction): Promise<void> {
  const customerId = await mergedInto(userId, session);
  if (customerId === null) return;
  throw new AppError(
    'CONFLICT',
    `This visitor turned out to be ${customerId}. Change or erase that one: erasing that one erases this one too.`,
  );
}
