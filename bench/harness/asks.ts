/** What the benchmark may ask of a server, by name. Arguments and answers are plain data. */
export type Asks = Readonly<Record<string, (argument: never) => unknown>>;
