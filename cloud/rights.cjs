'use strict';

/**
 * What each function may do beyond writing its own log: nothing it doesn't need. A test bundles every function and
 * holds this table against the AWS calls and secrets that are in it.
 *
 * `secrets`: which of the stage's parameters it may read. `sockets`: what it may do to connections, post to them or cut
 * them. `proxy`: whether it asks who came through the trusted proxy, whose secret it may read where there is one.
 * `deadLetters`: whether it hands on what failed.
 */
const DATABASE = 'mongodb-uri';
const KEYS = 'jwt-keys';

const reads = { secrets: [DATABASE, KEYS], sockets: [], proxy: true };
const posts = { secrets: [DATABASE, KEYS], sockets: ['POST'], proxy: true };
const cuts = { secrets: [DATABASE, KEYS], sockets: ['DELETE'], proxy: true };
const postsAndCuts = { secrets: [DATABASE, KEYS], sockets: ['POST', 'DELETE'], proxy: true };
/** A socket's caller is known by its connection: no token, so no key. */
const answersSockets = { secrets: [DATABASE], sockets: ['POST'] };
/** And a flood of frames is ended. */
const takesFrames = { secrets: [DATABASE], sockets: ['POST', 'DELETE'] };

module.exports = {
  // One session too many ends another one, and one socket too many takes another's place.
  register: cuts,
  login: cuts,
  refreshSession: cuts,
  logout: cuts,
  getMe: reads,
  changePassword: cuts,
  createUser: reads,
  listUsers: reads,
  getUser: reads,
  updateUser: postsAndCuts,
  eraseUser: postsAndCuts,
  createConversation: reads,
  listConversations: reads,
  getConversation: reads,
  listMessages: reads,
  assignConversation: posts,
  requeueConversation: posts,
  closeConversation: posts,
  supervisorAnalytics: reads,
  listAudit: reads,
  // The door's code is the same for every route, so it carries the keys; a route for anyone never asks for them.
  health: { secrets: [DATABASE], sockets: [], proxy: true },
  unknownRoute: { secrets: [], sockets: [] },
  connect: postsAndCuts,
  disconnect: answersSockets,
  joinConversation: takesFrames,
  sendMessage: takesFrames,
  leaveConversation: takesFrames,
  closeConversationEvent: takesFrames,
  ping: { secrets: [], sockets: ['POST'] },
  unknownEvent: { secrets: [], sockets: ['POST'] },
  sweep: { ...answersSockets, deadLetters: true },
  migrate: { secrets: [DATABASE], sockets: [] },
  createFirstAdmin: { secrets: [DATABASE], sockets: [] },
};
