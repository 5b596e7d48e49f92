/**
 * The order of the test files: those that take long first, so that none of them is begun when the others are done, and one
 * worker is left alone with it. Jest itself goes by how long each took the last time, which a fresh clone doesn't know,
 * or by their sizes, which say nothing.
 */
const SLOWEST = [
  'faults/races',
  'faults/crashes',
  'e2e/start',
  'contract/emulator',
  'faults/databaseLost',
  'security/sessions',
  'e2e/packages',
  'security/throttling',
  'faults/failPoints',
  'faults/frozen',
  'e2e/walkThrough',
  'faults/turns',
  'security/erasure',
  'contract/handlers/rooms',
  'faults/replicaSet',
  'integration/queries',
  'integration/closedSums',
  'faults/history',
];

const place = ({ path }) => {
  const index = SLOWEST.findIndex((name) => path.replaceAll('\\', '/').includes(`tests/${name}.`));
  return index < 0 ? SLOWEST.length : index;
};

export default class SlowestFirst {
  sort(tests) {
    return [...tests].sort((a, b) => place(a) - place(b) || (a.path < b.path ? -1 : 1));
  }

  shard(tests) {
    return tests;
  }

  allFailedTests(tests) {
    return tests;
  }

  cacheResults() {}
}
