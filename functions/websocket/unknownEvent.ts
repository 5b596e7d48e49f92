export { unknownEvent } from '../../lib/websocket/unknownEvent.ts';
