import { AppError } from '../lib/errors/appError.ts';
import { validate } from '../lib/errors/validate.ts';
import { createFirstAdmin, firstAdminSchema } from '../lib/services/operations/createFirstAdmin.ts';
import { connect } from '../lib/store/database.ts';

interface FirstAdminResult {
  readonly created: boolean;
  readonly id: string | null;
  readonly reason?: string;
  readonly errors?: readonly { readonly pointer: string; readonly detail: string }[];
}

/**
 * `serverless invoke -f createFirstAdmin --data '{"name": …, "email": …, "password": …}'`. The function has no
 * route: somebody who may invoke it may do anything in the account anyway. While there is an active admin, it changes nothing.
 */
export async function handler(event: unknown): Promise<FirstAdminResult> {
  try {
    const input = validate(firstAdminSchema, event, '');
    await connect();
    const admin = await createFirstAdmin(input);
    return admin ? { created: true, id: admin.id } : { created: false, id: null, reason: 'there is an admin already' };
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    return { created: false, id: null, reason: error.message, ...(error.errors && { errors: error.errors }) };
  }
}
