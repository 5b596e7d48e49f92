/** One line that says how far the benchmark is. On a terminal it is written over; elsewhere a line comes now and then. */
export class Progress {
  #last = 0;
  #text = '';

  at(text: string, done: number, of: number): void {
    const now = Date.now();
    const isNew = text !== this.#text;
    const { isTTY } = process.stderr;
    if (!isNew && now - this.#last < (isTTY ? 200 : 15_000)) return;
    this.#last = now;
    this.#text = text;
    const line = `${text}, ${Math.floor((100 * done) / of)} %`;
    process.stderr.write(isTTY ? `\r\x1b[K${line}` : `${line}\n`);
  }

  /** Takes the line away, for what is printed next. */
  clear(): void {
    if (process.stderr.isTTY) process.stderr.write('\r\x1b[K');
    this.#text = '';
  }
}
