import type { SiteConfig } from '../../lib/site/pages.ts';

export type { SiteConfig };

/** What the stage tells this page: the function `site` has written it into the page. */
export const site: SiteConfig = JSON.parse(document.getElementById('site')?.textContent ?? '');
