import { startEmulatorDesk } from '../support/emulator.ts';
import { crowdSuite } from './suites/crowd.ts';
import { permissionSuite } from './suites/permissions.ts';
import { roomSuite } from './suites/rooms.ts';
import { oneSystem } from './suites/start.ts';

/** The suites of `handlers/`, over real HTTP and WebSocket: those that show that every function is wired as it should. */
const start = oneSystem(startEmulatorDesk);

permissionSuite(start, ({ object }) => ['own', 'self', '-'].includes(object));
roomSuite(start);
// The emulator's functions have two workers each: what a crowd does to the rules is seen at full size in `handlers/`.
crowdSuite(start, { each: 8, rivals: 4 });
