/**
 * The order of the test files: those that take long first, so that none of them is begun when the others are done, and one
 * worker is left alone with it. Jest itself goes by how long each took the last time, which a fresh clone doesn't know,
 * or by their sizes, which say nothing.
 */
const SLOWEST = [
  'faults/races',
  'e2e/start',
  'faults/databaseLost',
  'contract/emulator',
  'faults/replicaSet',
  'faults/crashes',
  'faults/turns',
  'faults/frozen',
  'faults/failPoints',
  'faults/history',
  'faults/desk',
  'security/sessions',
  'integration/closedSums',
  'faults/staff',
  'contract/handlers/permissions',
  'faults/abandoned',
  'integration/queries',
  'e2e/packages',
  'e2e/walkThrough',
  'faults/posts',
  'security/erasure',
  'contract/handlers/rooms',
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
