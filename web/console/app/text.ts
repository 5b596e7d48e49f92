/** Text of messages: always text, never markup. */

export interface Piece {
  readonly text: string;
  /** Where a link leads; `null` for what is no link. */
  readonly href: string | null;
}

/** An address begins with its scheme or `www.`, and ends before the punctuation of the sentence around it. */
const ADDRESS = /\b(?:https?:\/\/|www\.)[^\s<>"'`]+/gi;
const TRAILING = /[.,;:!?…*_]+$/;

/** Cuts a text into words and web addresses. Only http and https become links. */
export function linkify(text: string): readonly Piece[] {
  const pieces: Piece[] = [];
  let from = 0;
  for (const { 0: found, index } of text.matchAll(ADDRESS)) {
    const address = trimmed(found);
    const href = hrefOf(address);
    if (href === null) continue;
    if (index > from) pieces.push({ text: text.slice(from, index), href: null });
    pieces.push({ text: address, href });
    from = index + address.length;
  }
  if (from < text.length || pieces.length === 0) pieces.push({ text: text.slice(from), href: null });
  return pieces;
}

/** A closing bracket belongs to the address only when it was opened in it. */
function trimmed(found: string): string {
  let address = found.replace(TRAILING, '');
  for (const [open = '', close = ''] of ['()', '[]', '{}']) {
    while (address.endsWith(close) && occurrences(address, close) > occurrences(address, open)) {
      address = address.slice(0, -1).replace(TRAILING, '');
    }
  }
  return address;
}

const occurrences = (text: string, character: string): number => text.split(character).length - 1;

function hrefOf(address: string): string | null {
  const full = /^www\./i.test(address) ? `https://${address}` : address;
  try {
    const url = new URL(full);
    return /^https?:$/.test(url.protocol) && url.hostname.includes('.') ? url.href : null;
  } catch {
    return null;
  }
}

/** Fills in a canned reply: `{{customer.name}}`. A name that isn't known stays as it is, for the agent to see. */
export const fill = (template: string, values: Readonly<Record<string, string | null | undefined>>): string =>
  template.replaceAll(/\{\{\s*([a-z.]+)\s*\}\}/gi, (placeholder, name: string) =>
    Object.hasOwn(values, name.toLowerCase()) ? (values[name.toLowerCase()] ?? placeholder) : placeholder,
  );
