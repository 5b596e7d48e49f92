import { startDesk } from '../../support/inProcess.ts';
import { permissionSuite, permissionTableSuite } from '../suites/permissions.ts';
import { oneSystem } from '../suites/start.ts';

permissionTableSuite();
permissionSuite(oneSystem(startDesk));
