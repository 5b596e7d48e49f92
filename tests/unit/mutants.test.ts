import { MUTANTS, placesOf } from '../faults/mutants.ts';

/** `npm run test:mutants` takes too long for every run; that it can be run must not wait until somebody does. */

it.each(MUTANTS)('$name: has its place in the code, once', async (mutant) => {
  expect(await placesOf(mutant)).toBe(1);
});
