#!/usr/bin/env node
// A chat of two people in two terminals.
//
//   node terminalChat.js candidate1@example.com            opens a conversation, and prints its id
//   node terminalChat.js agent1@example.com <id>           joins it (once a supervisor has assigned it: see below)
//   node terminalChat.js agent1@example.com <id> --assign supervisor1@example.com
//
// Type a line to say it. /close closes the conversation, as its agent. Freeze it with `kill -STOP`, let it go on with `kill -CONT`,
// restart the service, pull the cable: it comes back by itself. Ctrl-C leaves. What has come back with a number is stored; a line that
// has none yet is forgotten then, because nothing is kept on disk here.
import process from 'node:process';
import { createInterface } from 'node:readline';
import { createClient } from '@live-support/client';

const { HTTP_URL = 'http://localhost:3000', WS_URL = 'ws://localhost:3001', PASSWORD = 'demo-Passw0rd' } = process.env;
const [email, given, , supervisor] = process.argv.slice(2);
const clientOf = () => createClient({ httpUrl: HTTP_URL, websocketUrl: WS_URL });

// A wrong password, or a conversation that is somebody else's, is said in one line.
process.on('uncaughtException', ({ message }) => {
  console.error(`-- ${message}`);
  process.exit(1);
});

if (supervisor) {
  const boss = clientOf();
  await boss.signIn({ email: supervisor, password: PASSWORD });
  const { items } = await boss.http.listUsers({ query: { role: 'agent', limit: 100 } });
  const agentId = items.find((agent) => agent.email === email)?.id;
  if (!agentId) throw new Error(`${email} is no agent of ${supervisor}`);
  await boss.http.assignConversation({ params: { conversationId: given }, body: { agentId } });
  boss.close();
}

const client = clientOf();
const me = await client.signIn({ email, password: PASSWORD });
const conversation = given ? client.conversation(given) : await client.open({ subject: 'From a terminal' });
const over = new AbortController();
client.connection.on('status', ({ state, reason }) => {
  console.log(`-- connection: ${state} (${reason})`);
  // By nobody here: the person was signed out elsewhere, for example.
  if (state === 'closed' && reason !== 'asked') over.abort(new Error('the chat ends here'));
});
console.log(`conversation ${conversation.id}, as ${me.name}`);

const lines = createInterface({ input: process.stdin });
lines.on('line', (line) => {
  if (line === '/close') conversation.close().catch(({ message }) => console.log(`-- not closed: ${message}`));
  else if (line.trim() !== '')
    conversation.send(line).accepted.catch(({ message }) => console.log(`-- not sent: ${line}: ${message}`));
});

for await (const { seq, senderName, content } of conversation.messages({ signal: over.signal }))
  console.log(`${seq} ${senderName}: ${content}`);
console.log(conversation.snapshot.reason === 'closed' ? '-- closed' : '-- no longer yours');
lines.close();
client.close();
