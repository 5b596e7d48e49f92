import type { Operation } from '../../lib/domain/permissions.ts';

/** The handler file of each route and client event, below `functions/`; `serverless.yml` says the same. */
export const HANDLER_FILES = {
  register: 'auth/register',
  login: 'auth/login',
  refreshSession: 'auth/refreshSession',
  logout: 'auth/logout',
  getMe: 'auth/getMe',
  changePassword: 'auth/changePassword',
  createUser: 'users/createUser',
  listUsers: 'users/listUsers',
  getUser: 'users/getUser',
  updateUser: 'users/updateUser',
  eraseUser: 'users/eraseUser',
  createConversation: 'conversations/createConversation',
  listConversations: 'conversations/listConversations',
  getConversation: 'conversations/getConversation',
  listMessages: 'conversations/listMessages',
  assignConversation: 'conversations/assignConversation',
  requeueConversation: 'conversations/requeueConversation',
  closeConversation: 'conversations/closeConversation',
  supervisorAnalytics: 'analytics/supervisorAnalytics',
  listAudit: 'operations/listAudit',
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
