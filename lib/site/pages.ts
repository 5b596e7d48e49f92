/** The pages, by the name of their folder in web/. Each has a switch of its own. */
export const PAGES = ['console', 'widget', 'demo', 'docs'] as const;
export type PageName = (typeof PAGES)[number];

/** What a page is told of the stage that serves it. Anybody can read it. */
export interface SiteConfig {
  readonly stage: string;
  readonly version: string;
  /** Where sockets are opened. The HTTP API is where the page is. */
  readonly webSocket: string;
  /** The pages that are switched on. */
  readonly pages: readonly PageName[];
  /** Whether this stage tells who is typing. */
  readonly typing: boolean;
  /** Whether this stage mails links by which one sets a new password. */
  readonly mails: boolean;
}
