/** @type {import('jest').Config} */
export default {
  testEnvironment: 'node',
  extensionsToTreatAsEsm: ['.ts'],
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      {
        jsc: { target: 'es2024', parser: { syntax: 'typescript' }, experimental: { keepImportAttributes: true } },
        module: { type: 'es6' },
        sourceMaps: 'inline',
      },
    ],
  },
  // Written by globalSetup: see tests/support/mongooseBundle.ts.
  moduleNameMapper: { '^mongoose$': '<rootDir>/node_modules/.cache/live-support/mongoose.cjs' },
  testMatch: ['<rootDir>/tests/**/*.test.ts'],
  setupFiles: ['<rootDir>/tests/support/lightHashes.ts'],
  globalSetup: '<rootDir>/tests/support/globalSetup.ts',
  globalTeardown: '<rootDir>/tests/support/globalTeardown.ts',
  testSequencer: '<rootDir>/tests/support/slowestFirst.js',
  // Bounds a hang, as `HANG_MS` of tests/support/deadline.ts does for each wait of a test: no test is held to a speed.
  testTimeout: 300_000,
  // One more than a small machine has cores: many tests wait, for a time limit, a lease or a process. A fourth only gets in the
  // way of the others.
  maxWorkers: 3,
  // Of the tests of one file that may run at once: each starts everything there is.
  maxConcurrency: 2,
};
