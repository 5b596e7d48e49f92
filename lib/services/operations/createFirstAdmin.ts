import * as z from 'zod/mini';
import { hashPassword } from '../../auth/passwords.ts';
import { emailSchema, nameSchema, passwordSchema, type User } from '../../protocol/objects/users.ts';
import { audit } from '../../store/audit.ts';
import { insertFirstAdmin } from '../../store/users.ts';

export const firstAdminSchema = z.strictObject({ name: nameSchema, email: emailSchema, password: passwordSchema });

/**
 * Makes the first admin, from whom all other staff follow. Does nothing, and answers `null`, once there is an active
 * admin, so it is safe to repeat. Throws `EMAIL_TAKEN`.
 */
export async function createFirstAdmin(input: z.infer<typeof firstAdminSchema>): Promise<User | null> {
  const { name, email, password } = input;
  const operator = { userId: null, role: null, sourceIp: null };
  return insertFirstAdmin({ name, email, passwordHash: await hashPassword(password) }, (made, session) =>
    audit(operator, 'first_admin_created', made.id, {}, session),
  );
}
