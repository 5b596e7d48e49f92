/** A piece of a message: text, or an address to follow. */
export interface Piece {
  readonly text: string;
  /** Where a link leads; `null` for what is no link. */
  readonly href: string | null;
}

/** An address begins with its scheme or `www.`, and ends before the punctuation of the sentence around it. */
const ADDRESS = /\b(?:https?:\/\/|www\.)[^\s<>"'“”`]+/giu;
const PUNCTUATION = '.,;:!?…*_~’';
const BRACKETS: Readonly<Record<string, string>> = { ')': '(', ']': '[', '}': '{' };

/** Cuts a text into words and web addresses. Only http and https become links; text stays text. */
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

/** Without what ends the sentence. A closing bracket belongs to the address only when it was opened in it. */
function trimmed(found: string): string {
  const counts = new Map<string, number>();
  for (const character of found) counts.set(character, (counts.get(character) ?? 0) + 1);
  const count = (character: string) => counts.get(character) ?? 0;
  let end = found.length;
  for (; end > 0; end -= 1) {
    const last = found.charAt(end - 1);
    const opening = BRACKETS[last];
    const isUnopened = opening !== undefined && count(last) > count(opening);
    if (!isUnopened && !PUNCTUATION.includes(last)) break;
    counts.set(last, count(last) - 1);
  }
  return found.slice(0, end);
}

function hrefOf(address: string): string | null {
  const href = /^www\./i.test(address) ? `https://${address}` : address;
  if (!URL.canParse(href)) return null;
  const { protocol, hostname } = new URL(href);
  return /^https?:$/.test(protocol) && hostname.includes('.') ? href : null;
}
