import { DEMO_PASSWORD, demoPeople } from './demoPeople.ts';

export interface Addresses {
  readonly http: string;
  readonly webSocket: string;
  readonly lambda: string;
  readonly database: string;
  /** Are they there? */
  readonly demoPeople: boolean;
  /** The paths of the pages that are switched on, by what they are called. */
  readonly pages: Readonly<Record<string, string>>;
}

/** Returns the text of a start: the addresses, and what to paste. The commands need only bash, curl and node. */
export function welcome({ http, webSocket, lambda, database, demoPeople: areThere, pages }: Addresses): string {
  const ready = `
Live Support is ready
  HTTP       ${http}
  WebSocket  ${webSocket}
  Lambda     ${lambda} (aws lambda invoke --endpoint-url …)
  Database   ${database}
${Object.entries(pages)
  .map(([name, path]) => `  ${name.padEnd(9)}  ${http}${path}\n`)
  .join('')}`;
  if (!areThere) {
    return `${ready}
The demo people are not there: DEMO_PEOPLE=on npm start makes them where there is nobody yet.
`;
  }
  const names = demoPeople.map(({ email, under }) => (under ? `${email} (under ${under.split('@')[0]})` : email));
  return `${ready}
Who is there, with the password ${DEMO_PASSWORD} unless you have changed it:
${names.map((name) => `  ${name}`).join('\n')}

A first conversation: paste this into bash
${snippet(http, webSocket)}
and then run the two wscat lines it prints, each in a terminal of its own, and paste the frames there.
`;
}

function snippet(http: string, webSocket: string): string {
  return String.raw`
API=${http}
pick() { node -p "JSON.parse(require('fs').readFileSync(0, 'utf8')).$1"; }
call() { curl -sS "$API$2" -H 'Content-Type: application/json' ${'$'}{1:+-H "Authorization: Bearer $1"} ${'$'}{3:+-d "$3"}; }
login() { call '' /auth/login '{"email":"'$1'@example.com","password":"${DEMO_PASSWORD}"}' | pick accessToken; }
CANDIDATE=$(login candidate1) SUPERVISOR=$(login supervisor1) AGENT=$(login agent1)
ID=$(call $CANDIDATE /conversations '{"subject":"My application","message":"Hello, is anybody there?"}' | pick id)
call $SUPERVISOR /conversations/$ID/assign '{"agentId":"'$(call $AGENT /auth/me | pick id)'"}'; echo
for TOKEN in $CANDIDATE $AGENT; do echo "npx wscat -c ${webSocket} -H 'Authorization: Bearer $TOKEN'"; done
printf '{"event":"%s","data":{"conversationId":"'$ID'"%s}}\n' JOIN_CONVERSATION '' SEND_MESSAGE ',"content":"How can I help?"' CLOSE_CONVERSATION ''
`;
}
