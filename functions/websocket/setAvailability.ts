import { SET_AVAILABILITY } from '../../lib/protocol/events.ts';
import { handOn } from '../../lib/services/desk/changes.ts';
import * as service from '../../lib/services/desk/setAvailability.ts';
import { onClientEvent } from '../../lib/websocket/clientEvent.ts';

export const setAvailability = onClientEvent(SET_AVAILABILITY, async ({ caller, data, reply, waitUntil }) => {
  const { userId, connectionId } = caller;
  const { answer, changed } = await service.setAvailability(caller, data);
  reply('AVAILABILITY_SET', answer);
  waitUntil(() => service.tellAvailability(userId, answer, connectionId));
  if (changed) waitUntil(() => handOn({ agents: [userId] }));
});
