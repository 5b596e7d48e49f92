import { startAhead } from '../lib/auth/startAhead.ts';
import { httpArea } from '../lib/http/area.ts';
import { createPasswordReset } from './users/createPasswordReset.ts';
import { createUser } from './users/createUser.ts';
import { eraseUser } from './users/eraseUser.ts';
import { getUser } from './users/getUser.ts';
import { listUsers } from './users/listUsers.ts';
import { sendAway } from './users/sendAway.ts';
import { setCapacity } from './users/setCapacity.ts';
import { updateUser } from './users/updateUser.ts';

startAhead();

export const endpoints = [
  createUser,
  listUsers,
  getUser,
  updateUser,
  eraseUser,
  createPasswordReset,
  sendAway,
  setCapacity,
];

export const handler = httpArea(endpoints);
