import base from '../../jest.config.js';

/** The pages in a real browser: `npm run test:browser`. They need a Chromium, and take no part in `npm test`. */
export default {
  ...base,
  rootDir: '../..',
  testMatch: ['<rootDir>/tests/browser/*.proof.ts'],
  // Each has a browser and the whole service.
  maxWorkers: 1,
};
