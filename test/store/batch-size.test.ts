import { expect, test } from 'vitest';
import { batchSize } from '../../src/store/database/end/batch-size.ts';

const bounds = { target: 50, first: 200, least: 10, most: 5000, guessedCost: 0.03 };

test('a fast batch doubles the next one at the most, up to the limit', () => {
  const size = batchSize(bounds);
  expect(size.rows()).toBe(200);
  size.took(1, 200);
  expect(size.rows()).toBe(400);
  for (let batch = 0; batch < 10; batch += 1) size.took(1, size.rows());
  expect(size.rows()).toBe(5000);
});

test('a slow batch is believed at once', () => {
  const size = batchSize(bounds);
  size.took(500, 200);
  expect(size.rows()).toBe(20);
  size.took(10_000, 20);
  expect(size.rows()).toBe(10);
});

test('settles where a batch takes the time that it may take', () => {
  const size = batchSize(bounds);
  for (let batch = 0; batch < 20; batch += 1) size.took(size.rows() * 0.1, size.rows());
  expect(size.rows()).toBe(500);
});

test('a stretch without anything to end does not make it larger than a dense one could be', () => {
  const size = batchSize({ ...bounds, most: 50_000 });
  for (let batch = 0; batch < 20; batch += 1) size.took(1, 0);
  expect(size.rows()).toBe(1667);
  // Ending has turned out to be cheap; what was ended in passing says nothing of that.
  size.took(20, 1600);
  for (let batch = 0; batch < 20; batch += 1) size.took(1, 1);
  expect(size.rows()).toBe(4000);
});

test('how large it may become before anything has ended is up to what ending is taken to cost', () => {
  const size = batchSize({ ...bounds, most: 50_000, guessedCost: 0.005 });
  for (let batch = 0; batch < 20; batch += 1) size.took(1, 0);
  expect(size.rows()).toBe(10_000);
});

test('giving way halves it, but never to nothing', () => {
  const size = batchSize(bounds);
  size.halve();
  expect(size.rows()).toBe(100);
  for (let batch = 0; batch < 10; batch += 1) size.halve();
  expect(size.rows()).toBe(10);
});
