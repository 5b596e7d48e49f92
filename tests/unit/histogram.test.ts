import fc from 'fast-check';
import { addCounts, bucketOf, ERROR, exactMedian, type Histogram, medianOf } from '../../lib/domain/histogram.ts';

const YEAR_MS = 366 * 24 * 3600 * 1000;
/** As many short ones as long ones. */
const duration = fc.double({ min: 0, max: Math.log(YEAR_MS), noNaN: true }).map((log) => Math.floor(Math.exp(log)) - 1);

function histogramOf(durations: readonly number[]): Histogram {
  const histogram: Histogram = {};
  for (const ms of durations) addCounts(histogram, { [bucketOf(ms)]: 1 });
  return histogram;
}

const near = (truth: number, told: number | null) => told !== null && Math.abs(told - truth) <= truth * ERROR + 1e-6;

it('tells a median within its bound, of an even number too', () => {
  fc.assert(
    fc.property(fc.array(duration, { minLength: 1, maxLength: 50 }), (durations) =>
      near(exactMedian(durations) ?? Number.NaN, medianOf(histogramOf(durations))),
    ),
  );
});

it('tells of the sum of two what it tells of all', () => {
  fc.assert(
    fc.property(fc.array(duration), fc.array(duration), (some, more) => {
      const sum = histogramOf(some);
      addCounts(sum, histogramOf(more));
      expect(medianOf(sum)).toEqual(medianOf(histogramOf([...some, ...more])));
    }),
  );
});

it('knows no median of nothing', () => {
  expect([medianOf({}), exactMedian([])]).toEqual([null, null]);
  expect([medianOf(histogramOf([0, 0, 5])), exactMedian([9, 1, 4, 2])]).toEqual([0, 3]);
});
