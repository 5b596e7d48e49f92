import { randomBytes } from 'node:crypto';
import { databaseUri } from '../../local/mongod.ts';

/** The address of a database on the tests' server that nobody has named before. */
export const newDatabaseUri = (): string =>
  databaseUri(process.env['TEST_MONGODB_URI'] ?? '', `test_${randomBytes(6).toString('hex')}`);
