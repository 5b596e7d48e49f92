import type { ComponentChildren } from 'preact';

/** The little Markdown that our documents are written in: paragraphs, headings, tables, code, links. Never HTML. */
export function Markdown({ text }: { readonly text: string }) {
  return (
    <>
      {text.split(/\n{2,}/).map((block, index) => (
        <Block key={index} block={block} />
      ))}
    </>
  );
}

function Block({ block }: { readonly block: string }) {
  if (block.startsWith('## ')) return <h2>{inline(block.slice(3))}</h2>;
  if (block.startsWith('|')) return <Table lines={block.split('\n')} />;
  return <p>{inline(block)}</p>;
}

const cells = (line: string): string[] =>
  line
    .slice(1, -1)
    .split('|')
    .map((cell) => cell.trim());

function Table({ lines: [head = '', , ...rows] }: { readonly lines: readonly string[] }) {
  return (
    <div class="wide">
      <table>
        <thead>
          <tr>
            {cells(head).map((cell) => (
              <th key={cell} scope="col">
                {inline(cell)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => {
            const [first = '', ...others] = cells(row);
            return (
              <tr key={row}>
                <th scope="row">{inline(first)}</th>
                {others.map((cell) => (
                  <td key={cell}>{inline(cell)}</td>
                ))}
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}

/** Code and links; everything else is text. */
export function inline(text: string): ComponentChildren {
  return text.split(/(`[^`]+`|\[[^\]]+\]\([^)\s]+\))/).map((part) => {
    if (part.startsWith('`')) return <code>{part.slice(1, -1)}</code>;
    const [, label, address] = /^\[([^\]]+)\]\((https:\/\/[^)\s]+)\)$/.exec(part) ?? [];
    if (label === undefined || address === undefined) return part;
    return (
      <a href={address} rel="noopener noreferrer">
        {label}
      </a>
    );
  });
}
