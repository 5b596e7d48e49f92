import type { Operation } from '../../lib/domain/permissions.ts';

/** The handler file of each route and client event, below `functions/`; `serverless.yml` says the same. */
export const HANDLER_FILES = {
  register: 'auth/register',
  login: 'auth/login',
  refreshSession: 'auth/refresh',
  logout: 'auth/logout',
  getMe: 'auth/me',
  changePassword: 'auth/changePassword',
  createUser: 'users/create',
  listUsers: 'users/list',
  getUser: 'users/get',
  updateUser: 'users/update',
  eraseUser: 'users/erase',
  createConversation: 'conversations/create',
  listConversations: 'conversations/list',
  getConversation: 'conversations/get',
  listMessages: 'conversations/listMessages',
  assignConversation: 'conversations/assign',
  requeueConversation: 'conversations/requeue',
  closeConversation: 'conversations/close',
  supervisorAnalytics: 'analytics/supervisors',
  listAudit: 'operations/audit',
  health: 'operations/health',
  JOIN_CONVERSATION: 'websocket/joinConversation',
  SEND_MESSAGE: 'websocket/sendMessage',
  LEAVE_CONVERSATION: 'websocket/leaveConversation',
  CLOSE_CONVERSATION: 'websocket/closeConversation',
  PING: 'websocket/ping',
} as const satisfies Record<Operation, string>;

/** Those that aren't operations of a caller's. */
export const OTHER_FILES = {
  $connect: 'websocket/connect',
  $disconnect: 'websocket/disconnect',
  $default: 'websocket/unknownEvent',
  unknownRoute: 'operations/unknownRoute',
} as const;

export type LambdaHandler = (event: unknown, context: unknown) => Promise<unknown>;

/** Imports a handler by its file below `functions/`. */
export async function loadHandler(file: string): Promise<LambdaHandler> {
  const module = (await import(`../../functions/${file}.ts`)) as { handler: LambdaHandler };
  return module.handler;
}
