import { clientEvents, SUBPROTOCOL } from '../lib/protocol/events.ts';

/**
 * The life of a connection, moment by moment: what happens, and what a client does. asyncapi.json and docs/delivery.md
 * show the same table. What the gateway does:
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-execution-service-websocket-limits-table.html
 */
const MOMENTS: readonly (readonly [moment: string, what: string])[] = [
  [
    'Connecting',
    `The access token goes in \`Authorization: Bearer …\`. A browser can set no header: it offers the subprotocols \`${SUBPROTOCOL}\` and the token, and is answered \`${SUBPROTOCOL}\`. A token in the URL is not accepted.`,
  ],
  [
    'The upgrade is refused',
    '`401`: the token is missing, bad, expired or revoked. `403`: the browser’s `Origin` is not allowed. `429`: too many connect at once, or this user has opened too many sockets within a minute. `500`, `503`: the service is at fault, or can’t reach its database. There is no body. Get a new token after `401`; connect again after the others but `403`, after a pause that grows.',
  ],
  [
    'A browser is told 1006',
    'A browser shows its page no status, only this close code, for a refused upgrade and for a lost network alike. Refresh the session over HTTP first. If the refresh is refused with `401`, sign in. Otherwise connect with the new token, after a pause that grows.',
  ],
  [
    'Connected',
    'A new connection is in no room. Join each conversation again, with `afterSeq`. Frames of one socket run at once: join, wait for the answer, then send.',
  ],
  [
    'Sending',
    'One text frame carries one JSON object. A frame of more than 32 KB closes the socket with 1009, a binary frame with 1003, text that is no UTF-8 with 1007. What was sent and not yet answered has an unknown outcome.',
  ],
  [
    'Being quiet',
    `The gateway closes a socket with 1001 after 10 minutes without a frame. Send \`${clientEvents.PING.event}\` every 5 minutes.`,
  ],
  ['The access token expires', 'Nothing happens: a socket outlives its token. The next upgrade needs a new one.'],
  [
    'The session ends',
    'Signing out, a change of password elsewhere, a reused refresh token or a deactivated account cuts the socket with 1000. The refresh is then refused with `401`: sign in.',
  ],
  [
    'One connection too many',
    'The user’s oldest connection gets an `ERROR` with `TOO_MANY_CONNECTIONS`, and is cut with 1000. It doesn’t connect again by itself.',
  ],
  [
    'Too many frames',
    'Each frame beyond the limit gets an `ERROR` with `RATE_LIMITED`: wait. A socket that sends more than twice the limit is cut with 1000, without an answer.',
  ],
  [
    'After 2 hours',
    'The gateway closes every socket with 1001. Connect again with a token that has not expired, and join with `afterSeq`.',
  ],
];

/** As a Markdown table. */
export const CONNECTION_LIFE: string = [
  '| Moment | What happens, and what a client does |',
  '|---|---|',
  ...MOMENTS.map(([moment, what]) => `| ${moment} | ${what} |`),
].join('\n');
