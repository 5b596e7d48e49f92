import base from '../../jest.config.js';

/** The proofs: `npm run test:deploy`, `npm run test:packages`. They take minutes, and no part in `npm test`. */
export default {
  ...base,
  rootDir: '../..',
  testMatch: ['<rootDir>/tests/deploy/*.proof.ts'],
  maxWorkers: 1,
};
