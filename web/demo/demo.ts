import { site } from '../shared/site.ts';

document.documentElement.dataset['stage'] = site.stage;
