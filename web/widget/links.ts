/** A piece of a message: text, or an address to follow. */
export interface Piece {
  readonly text: string;
  /** `null` for text. */
  readonly href: string | null;
}

const ADDRESS = /\bhttps?:\/\/[^\s<>"“”]+|\bwww\.[^\s<>"“”]+\.[^\s<>"“”]+/giu;

/** Finds the web addresses in a text. What ends a sentence is not part of one, nor a bracket that it doesn't open. */
export function piecesOf(text: string): readonly Piece[] {
  const pieces: Piece[] = [];
  let end = 0;
  for (const { 0: found, index } of text.matchAll(ADDRESS)) {
    const address = trimmed(found);
    const href = hrefOf(address);
    if (href === null) continue;
    if (index > end) pieces.push({ text: text.slice(end, index), href: null });
    pieces.push({ text: address, href });
    end = index + address.length;
  }
  if (end < text.length) pieces.push({ text: text.slice(end), href: null });
  return pieces;
}

function trimmed(address: string): string {
  for (let text = address; ; text = text.slice(0, -1)) {
    const last = text.at(-1) ?? '';
    const isUnopened = (last === ')' && !text.includes('(')) || (last === ']' && !text.includes('['));
    if (!isUnopened && !/[.,;:!?'’*_~]/.test(last)) return text;
  }
}

function hrefOf(address: string): string | null {
  const href = /^www\./i.test(address) ? `https://${address}` : address;
  return URL.canParse(href) ? href : null;
}
