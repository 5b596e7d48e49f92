import * as z from 'zod/mini';
import { hashPassword } from '../../auth/passwords.ts';
import { emailSchema, nameSchema, passwordSchema, type User } from '../../protocol/objects/users.ts';
import { type Actor, audit } from '../../store/audit.ts';
import { transaction } from '../../store/database.ts';
import { newId } from '../../store/ids.ts';
import { hasActiveAdmin, insertUser, touchAdmins } from '../../store/users.ts';

export const firstAdminSchema = z.strictObject({ name: nameSchema, email: emailSchema, password: passwordSchema });

/** The operator who invokes the function: nobody the service knows. */
const OPERATOR: Actor = { userId: null, role: null, sourceIp: null };

/**
 * Makes the first admin, who makes all other staff. While there is an active admin, does nothing and returns `null`, so
 * repeating it is safe. Throws `EMAIL_TAKEN`.
 */
export async function createFirstAdmin(input: z.infer<typeof firstAdminSchema>): Promise<User | null> {
  const { name, email, password } = input;
  const passwordHash = await hashPassword(password);
  const admin = { id: newId(), name, email, role: 'admin', supervisorId: null, passwordHash } as const;
  return transaction(async (session) => {
    // First: of several at once one makes the admin, and the others then find it.
    await touchAdmins(session);
    if (await hasActiveAdmin(session)) return null;
    const made = await insertUser(admin, session);
    await audit(OPERATOR, 'first_admin_created', made.id, {}, session);
    return made;
  });
}
