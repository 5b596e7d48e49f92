import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { PERMISSIONS } from '../../lib/domain/permissions.ts';
import { type ClientEvent, clientEvents } from '../../lib/protocol/events.ts';
import { type Route, routeKeyOf } from '../../lib/protocol/route.ts';
import { CLIENT_EVENT_EXAMPLES, ROUTE_EXAMPLES } from '../../tools/examples.ts';
import { outdated } from '../../tools/generate.ts';
import { corsOf } from '../support/cors.ts';
import { AREAS, endpointsOf } from '../support/endpoints.ts';
import { httpFunctions, socketFunctions } from '../support/handlers.ts';
import { PROJECT } from '../support/process.ts';
import { permissionRows } from './suites/permissionTable.ts';

/** A new route or event, begun in one place, is told every place that it still needs. */

/** As described in the protocol, whoever may use it. */
const described = new Map<string, Route>();
for (const area of AREAS.filter((one) => one !== 'websocket')) {
  const module = (await import(`../../lib/protocol/routes/${area}.ts`)) as Readonly<Record<string, Route>>;
  for (const [name, route] of Object.entries(module)) described.set(name, route);
}
const events: Readonly<Record<string, ClientEvent>> = clientEvents;
const rows = new Set(permissionRows().map(({ operation }) => operation));
const answered = new Set<string>();
for (const area of AREAS) for (const { routeKey } of await endpointsOf(area)) answered.add(`${area} ${routeKey}`);

const texts = new Map<string, string>();
function read(path: string): string {
  const text = texts.get(path) ?? (existsSync(`${PROJECT}/${path}`) ? readFileSync(`${PROJECT}/${path}`, 'utf8') : '');
  texts.set(path, text);
  return text;
}

/** What the walks through everything call: their helpers are part of them. */
const WALKS = ['tests/integration/queries.test.ts', 'tests/deploy/walkThrough.ts'];
const HELPERS = ['tests/support/system.ts', 'tests/support/socket.ts', 'tests/deploy/smoke.ts'];
const withoutNames = (text: string) => text.replaceAll(/\$?\{[^{}]*\}/g, '{}');
const walks = (walk: string, what: string): boolean =>
  [walk, ...HELPERS].some((file) => withoutNames(read(file)).includes(withoutNames(what)));

/** `JOIN_CONVERSATION` has its endpoint in joinConversation.ts. */
const camelCase = (event: string) =>
  event.toLowerCase().replaceAll(/_(\w)/g, (_, letter: string) => letter.toUpperCase());

/** By place, whether it is still missing there. */
type Places = Readonly<Record<string, boolean>>;

const repeats = ({ repeat }: Route | ClientEvent): boolean =>
  repeat === 'safe' || Boolean(repeat.safeWith ?? repeat.safeWithin);
const isRepeated = (name: string) =>
  new RegExp(`^  ${name}: async`, 'm').test(read('tests/integration/repeating.test.ts'));

function everywhere(name: string, area: string, file: string, routeKey: string, wiring: string): Places {
  const endpoint = `functions/${area}/${file}.ts`;
  const usesService = !existsSync(`${PROJECT}/${endpoint}`) || read(endpoint).includes('lib/services/');
  const services = readdirSync(`${PROJECT}/lib/services`, { recursive: true, encoding: 'utf8' });
  return {
    [`lib/domain/permissions.ts: who may, as in "${name}: 'signedIn'"`]: !(name in PERMISSIONS),
    [`lib/services/…/${file}.ts: the use case`]: usesService && !services.some((path) => path.endsWith(`/${file}.ts`)),
    [`${endpoint}: the endpoint, exported as ${file}`]: !read(endpoint).match(new RegExp(`\\b${file}\\b`)),
    [`functions/${area}.ts: the endpoint in the table`]: !answered.has(`${area} ${routeKey}`),
    [`serverless.yml, functions.${area}.events: "- ${wiring}: ${routeKey}"`]:
      (wiring === 'httpApi' ? httpFunctions : socketFunctions).get(routeKey) !== area,
    [`tests/contract/suites/permissionTable.ts: a line for each of its objects (objectsOf says which)`]:
      !rows.has(name),
  };
}

function placesOfRoute(name: string): Places {
  const route = described.get(name);
  if (!route) return { 'lib/protocol/routes/<area>.ts: the route, exported under this name': true };
  const { tag: area, method, path } = route;
  const routeKey = routeKeyOf(route);
  return {
    ...everywhere(name, area, name, routeKey, 'httpApi'),
    [`lib/protocol/routes/${area}.ts: "operation" must be the name that is exported`]: route.operation !== name,
    'tools/examples.ts, ROUTE_EXAMPLES: what is sent and answered': !(name in ROUTE_EXAMPLES),
    [`serverless.yml, provider.httpApi.cors.allowedMethods: ${method}`]:
      !corsOf('default').allowedMethods.includes(method),
    ...Object.fromEntries(WALKS.map((walk) => [`${walk}: call ${routeKey} once`, !walks(walk, path)])),
    'tests/integration/repeating.test.ts, SAFE: send it twice': method !== 'GET' && repeats(route) && !isRepeated(name),
  };
}

function placesOfEvent(name: string): Places {
  const event = events[name];
  if (!event) return { 'lib/protocol/events.ts: the event, and its line in clientEvents': true };
  return {
    ...everywhere(name, 'websocket', camelCase(name), name, 'websocket'),
    'tools/examples.ts, CLIENT_EVENT_EXAMPLES: what it carries': !(name in CLIENT_EVENT_EXAMPLES),
    ...Object.fromEntries(WALKS.map((walk) => [`${walk}: send ${name} once`, !walks(walk, `'${name}'`)])),
    'tests/integration/repeating.test.ts, SAFE: send it twice': repeats(event) && !isRepeated(name),
  };
}

it('has every route and event in every place', async () => {
  const names = new Set([...Object.keys(PERMISSIONS), ...described.keys(), ...Object.keys(events)]);
  const missing = [...names].flatMap((name) => {
    const places = /^[A-Z_]+$/.test(name) ? placesOfEvent(name) : placesOfRoute(name);
    const wanted = Object.keys(places).filter((place) => places[place]);
    return wanted.length === 0 ? [] : [[`${name} is still to be added to`, ...wanted].join('\n  - ')];
  });
  // Made from the rest, and not without it.
  const generated = missing.length > 0 ? [] : Object.keys(await outdated());
  if (generated.length > 0) missing.push(`npm run docs, which makes ${generated.join(', ')}`);
  if (missing.length > 0) throw new Error(missing.join('\n'));
});
