import { useEffect, useState } from 'preact/hooks';
import { site } from '../shared/site.ts';
import { type AsyncApi, type Message, nameOf, type Operation, resolved, type Schema } from './asyncApi.ts';
import { inline, Markdown } from './Markdown.tsx';

/**
 * The WebSocket API: every event with its fields and an example. Written for our document and small: what others have for
 * AsyncAPI compiles code in the browser, which our policy forbids, and weighs half a megabyte.
 */
export function SocketReference() {
  const [document, setDocument] = useState<AsyncApi | 'failed' | null>(null);
  useEffect(() => {
    fetch('/asyncapi.json')
      .then((response) => response.json() as Promise<AsyncApi>)
      .then(setDocument, () => setDocument('failed'));
  }, []);
  useEffect(() => {
    if (document) scrollToHash();
  }, [document]);
  if (document === 'failed') {
    return (
      <main>
        <p class="failed" role="alert">
          The reference could not be loaded. <a href="/docs#events">Load the page again</a>, or read{' '}
          <a href="/asyncapi.json">asyncapi.json</a>.
        </p>
      </main>
    );
  }
  return document && <Events document={document} />;
}

/** The browser has looked for the anchor before it was there. */
const scrollToHash = () => window.document.getElementById(location.hash.slice(1))?.scrollIntoView();

const anchor = (name: string): string => `events-${name}`;

interface Described {
  /** Unlike the event's name it is said once: both sides have an event TYPING. */
  readonly id: string;
  readonly operation: Operation;
  readonly message: Message;
}

function Events({ document }: { readonly document: AsyncApi }) {
  const { components, operations, info, channels } = document;
  const described = Object.values(operations).flatMap((operation): Described[] => {
    const [first] = operation.messages;
    const id = first === undefined ? '' : nameOf(first);
    const message = components.messages[id];
    return message ? [{ id, operation, message }] : [];
  });
  const fromClients = described.filter(({ operation }) => operation.action === 'receive');
  const fromService = described.filter(({ operation }) => operation.action === 'send');
  const objects = Object.entries(components.schemas).filter(
    ([name, { properties }]) => properties && !/(Frame|Data|Notice)$/.test(name),
  );
  return (
    <div class="events">
      <nav aria-label="Events" class="contents">
        <Contents title="Clients send" entries={fromClients.map(({ id, message }) => [id, message.name])} />
        <Contents title="The service sends" entries={fromService.map(({ id, message }) => [id, message.name])} />
        <Contents title="Objects" entries={objects.map(([name]) => [name, name])} />
      </nav>
      <main>
        <h1 id="events">{info.title}</h1>
        <p>
          Connect to <code>{site.webSocket}</code>.
        </p>
        <p>{inline(channels.socket.description)}</p>
        <Markdown text={info.description} />
        <h2>Clients send</h2>
        {fromClients.map((one) => (
          <Event key={one.id} document={document} {...one} />
        ))}
        <h2>The service sends</h2>
        {fromService.map((one) => (
          <Event key={one.id} document={document} {...one} />
        ))}
        <h2>Objects</h2>
        {objects.map(([name, schema]) => (
          <section key={name} id={anchor(name)} class="event">
            <h3>{name}</h3>
            {schema.description && <p>{inline(schema.description)}</p>}
            <Fields document={document} schema={schema} />
          </section>
        ))}
      </main>
    </div>
  );
}

type Entry = readonly [id: string, name: string];

function Contents({ title, entries }: { readonly title: string; readonly entries: readonly Entry[] }) {
  return (
    <>
      <h2>{title}</h2>
      <ul>
        {entries.map(([id, name]) => (
          <li key={id}>
            <a href={`#${anchor(id)}`}>{name}</a>
          </li>
        ))}
      </ul>
    </>
  );
}

function Event({ document, id, operation, message }: Described & { readonly document: AsyncApi }) {
  const frame = resolved(document, message.payload);
  // The gateway's own frames have no `data`.
  const data = frame.properties?.['data'] ?? frame;
  const [example] = message.examples ?? [];
  const title = `${id}-title`;
  return (
    <section id={anchor(id)} class="event" aria-labelledby={title}>
      <h3 id={title}>{message.name}</h3>
      {operation['x-roles'] && (
        <p class="roles">
          {operation['x-roles'].map((role) => (
            <span key={role}>{role}</span>
          ))}
        </p>
      )}
      <p>{inline(message.summary ?? operation.summary ?? '')}</p>
      {operation.description && <p class="quiet">{inline(withoutRoles(operation.description))}</p>}
      <Fields document={document} schema={data} />
      {example && (
        <figure>
          <figcaption>Example</figcaption>
          {/* Scrolls, and so must be reached by the keyboard. */}
          {/* biome-ignore lint/a11y/noNoninteractiveTabindex: see above. */}
          <pre tabIndex={0}>{JSON.stringify(example.payload, null, 2)}</pre>
        </figure>
      )}
    </section>
  );
}

/** The roles stand above already. */
const withoutRoles = (description: string): string => description.replace(/^Roles: [^.]+\. /, '');

function Fields({ document, schema }: { readonly document: AsyncApi; readonly schema: Schema }) {
  const { properties = {}, required = [], description } = resolved(document, schema);
  const fields = Object.entries(properties);
  if (fields.length === 0) return <p class="quiet">No data: {'{}'}.</p>;
  const named = schema.$ref !== undefined && !/(Data|Frame)$/.test(schema.$ref);
  if (named) {
    return (
      <p>
        The data is a <Type schema={schema} />.
      </p>
    );
  }
  return (
    <>
      {description && <p>{inline(description)}</p>}
      <div class="wide">
        <table class="fields">
          <thead>
            <tr>
              <th scope="col">Field</th>
              <th scope="col">Type</th>
              <th scope="col">Meaning</th>
            </tr>
          </thead>
          <tbody>
            {fields.map(([name, field]) => (
              <tr key={name}>
                <th scope="row">
                  <code>{name}</code>
                  {!required.includes(name) && <span class="optional"> optional</span>}
                </th>
                <td>
                  <Type schema={field} />
                </td>
                <td>{meaningOf(document, field)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </>
  );
}

function meaningOf(document: AsyncApi, field: Schema) {
  const { description } = field.description === undefined ? resolved(document, field) : field;
  const others = field.anyOf?.find((one) => one.description)?.description;
  return inline(description ?? others ?? '');
}

/** The type of a field in words, with its bounds; the name of an object leads to it. */
function Type({ schema }: { readonly schema: Schema }) {
  if (schema.$ref !== undefined) {
    const name = nameOf({ $ref: schema.$ref });
    return <a href={`#${anchor(name)}`}>{name}</a>;
  }
  if (schema.anyOf) {
    return (
      <>
        {schema.anyOf.map((one, index) => (
          <span key={index}>
            {index > 0 && ' or '}
            <Type schema={one} />
          </span>
        ))}
      </>
    );
  }
  if (schema.items) {
    return (
      <>
        list of <Type schema={schema.items} />
      </>
    );
  }
  if (schema.const !== undefined) return <code>{JSON.stringify(schema.const)}</code>;
  if (schema.enum) return inline(schema.enum.map((value) => `\`${value}\``).join(' or '));
  if (typeof schema.additionalProperties === 'object') {
    return (
      <>
        map of <Type schema={schema.additionalProperties} />
      </>
    );
  }
  const types = [schema.type ?? 'anything'].flat().join(' or ');
  return (
    <>
      {schema.format === 'date-time' ? types.replace('string', 'time') : types}
      {boundsOf(schema) && <span class="quiet"> {boundsOf(schema)}</span>}
    </>
  );
}

function boundsOf({ minLength, maxLength, minimum, maximum }: Schema): string {
  if (maxLength !== undefined) return `${minLength ?? 0} to ${maxLength} characters`;
  if (minimum !== undefined && maximum !== undefined && maximum < Number.MAX_SAFE_INTEGER) {
    return `${minimum} to ${maximum}`;
  }
  return minimum === undefined ? '' : `${minimum} or more`;
}
