import { startAhead } from '../lib/auth/startAhead.ts';
import { httpArea } from '../lib/http/area.ts';
import { identityKeysAhead } from '../lib/runtime/secrets.ts';
import { changePassword } from './auth/changePassword.ts';
import { createVisitor } from './auth/createVisitor.ts';
import { exchangeIdentity } from './auth/exchangeIdentity.ts';
import { forgotPassword } from './auth/forgotPassword.ts';
import { getMe } from './auth/getMe.ts';
import { login } from './auth/login.ts';
import { logout } from './auth/logout.ts';
import { refreshSession } from './auth/refreshSession.ts';
import { register } from './auth/register.ts';
import { resetPassword } from './auth/resetPassword.ts';

startAhead();
identityKeysAhead();

export const endpoints = [
  register,
  login,
  exchangeIdentity,
  createVisitor,
  refreshSession,
  logout,
  getMe,
  changePassword,
  forgotPassword,
  resetPassword,
];

export const handler = httpArea(endpoints);
