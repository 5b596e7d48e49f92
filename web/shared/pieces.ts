import type { RefObject } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import type { Message } from '../../lib/protocol/objects/conversations.ts';

/** A long chat is drawn in pieces: one that is far out of sight costs nothing but its room. */

/** So many messages are drawn, or left out, together. */
export const PIECE = 50;

const pieceOf = (seq: number): number => Math.floor((seq - 1) / PIECE);

/** The messages by piece. A piece has the same number, however many earlier ones are loaded. */
export function pieces(
  messages: readonly Message[],
): readonly { readonly number: number; readonly messages: readonly Message[] }[] {
  const made: { number: number; messages: Message[] }[] = [];
  for (const message of messages) {
    const number = pieceOf(message.seq);
    const last = made.at(-1);
    if (last?.number === number) last.messages.push(message);
    else made.push({ number, messages: [message] });
  }
  return made;
}

/** Nearer to what is in sight than this, a piece is drawn. */
const NEARLY_IN_SIGHT = '2000px 0px';

interface Sight {
  /** For the piece's own element. */
  readonly element: RefObject<HTMLDivElement | null>;
  /** How high the piece is that is to be left out; `null` where it is to be drawn. */
  readonly hiddenHeight: number | null;
}

/** Says whether a piece is so far out of sight that its room is enough. `count`: of its messages. The last piece is always drawn. */
export function useSight(scroller: RefObject<HTMLElement | null>, isLast: boolean, count: number): Sight {
  const element = useRef<HTMLDivElement>(null);
  const [hiddenHeight, setHiddenHeight] = useState<number | null>(null);
  useEffect(() => {
    const own = element.current;
    if (!own || isLast) return;
    const observer = new IntersectionObserver(
      ([entry]) => {
        if (entry) setHiddenHeight(entry.isIntersecting ? null : entry.boundingClientRect.height);
      },
      { root: scroller.current, rootMargin: NEARLY_IN_SIGHT },
    );
    observer.observe(own);
    return () => observer.disconnect();
  }, [isLast, count]);
  return { element, hiddenHeight: isLast ? null : hiddenHeight };
}
