import { inflateRawSync } from 'node:zlib';

/** The files in a zip, by name: https://pkwaredownloads.blob.core.windows.net/pem/APPNOTE.txt, what of it zips of code use. */
export function unzip(zip: Buffer): Map<string, Buffer> {
  const end = zip.lastIndexOf('PK\x05\x06', undefined, 'latin1');
  if (end < 0) throw new Error('no zip');
  const files = new Map<string, Buffer>();
  let at = zip.readUInt32LE(end + 16);
  for (let left = zip.readUInt16LE(end + 10); left > 0; left -= 1) {
    const [nameLength, extraLength, commentLength] = [28, 30, 32].map((offset) => zip.readUInt16LE(at + offset)) as [
      number,
      number,
      number,
    ];
    const name = zip.toString('utf8', at + 46, at + 46 + nameLength);
    // The file's own header may have other lengths than the directory's.
    const header = zip.readUInt32LE(at + 42);
    const data = header + 30 + zip.readUInt16LE(header + 26) + zip.readUInt16LE(header + 28);
    const stored = zip.subarray(data, data + zip.readUInt32LE(at + 20));
    const isCompressed = zip.readUInt16LE(at + 10) !== 0;
    if (!name.endsWith('/')) files.set(name, isCompressed ? inflateRawSync(stored) : stored);
    at += 46 + nameLength + extraLength + commentLength;
  }
  return files;
}
