export { unknownEvent } from '../../lib/websocket/unknown.ts';
