import { startAhead } from '../lib/auth/startAhead.ts';
import { httpArea } from '../lib/http/area.ts';
import { changePassword } from './auth/changePassword.ts';
import { getMe } from './auth/getMe.ts';
import { login } from './auth/login.ts';
import { logout } from './auth/logout.ts';
import { refreshSession } from './auth/refreshSession.ts';
import { register } from './auth/register.ts';

startAhead();

export const endpoints = [register, login, refreshSession, logout, getMe, changePassword];

export const handler = httpArea(endpoints);
