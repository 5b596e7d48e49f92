import { TYPING } from '../../lib/protocol/events.ts';
import * as service from '../../lib/services/rooms/typing.ts';
import { onClientEvent } from '../../lib/websocket/clientEvent.ts';

export const typing = onClientEvent(TYPING, async ({ caller, data }) => service.typing(caller, data));
