/** Hands what is written to standard output to `take`; where that answers `false` it is printed. Stops by what it returns. */
export function tapStdout(take: (text: string) => boolean): () => void {
  const write = process.stdout.write;
  process.stdout.write = ((chunk: string | Uint8Array) =>
    take(chunk.toString()) || write.call(process.stdout, chunk)) as typeof process.stdout.write;
  return () => {
    process.stdout.write = write;
  };
}
