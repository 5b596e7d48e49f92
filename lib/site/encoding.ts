import { promisify } from 'node:util';
import { brotliCompress, constants, gunzip, gzip } from 'node:zlib';

/** The encodings that files lie there in, the smallest first, with the ends of their names. */
export const ENCODINGS = { br: '.br', gzip: '.gz' } as const;
export type Encoding = keyof typeof ENCODINGS;

/** Returns the encoding to answer with; `identity` where the client names none of them. A weight of 0 refuses one. */
export function chosenEncoding(accepted: string | undefined): Encoding | 'identity' {
  const weights = new Map(
    (accepted ?? '')
      .toLowerCase()
      .split(',')
      .map((part) => {
        const [name = '', ...parameters] = part.split(';').map((text) => text.trim());
        const weight = parameters.find((parameter) => parameter.startsWith('q='));
        return [name, weight === undefined ? 1 : Number(weight.slice(2))];
      }),
  );
  const names = Object.keys(ENCODINGS) as Encoding[];
  return names.find((name) => (weights.get(name) ?? weights.get('*') ?? 0) > 0) ?? 'identity';
}

/** `thorough` compresses as small as can be, for what is packaged; else quickly. */
export async function encode(content: Buffer, encoding: Encoding, thorough = false): Promise<Buffer> {
  // Of a file of this size it takes no time.
  if (encoding === 'gzip') return promisify(gzip)(content, { level: 9 });
  return promisify(brotliCompress)(content, {
    params: {
      [constants.BROTLI_PARAM_QUALITY]: thorough ? constants.BROTLI_MAX_QUALITY : 4,
      [constants.BROTLI_PARAM_SIZE_HINT]: content.length,
    },
  });
}

export const decodeGzip = promisify(gunzip);
