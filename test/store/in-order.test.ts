import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { inOrder } from '../../src/store/combined/in-order.ts';

it.each([0, 1, 3])('has %d more under way, and gives all of them back in order', async (ahead) => {
  let underWay = 0;
  const most: number[] = [];
  const begun = function* () {
    for (let n = 0; n < 6; n += 1) {
      underWay += 1;
      yield sleep(6 - n).then(() => n);
    }
  };
  const results: number[] = [];
  for await (const result of inOrder(begun(), ahead)) {
    most.push(underWay);
    underWay -= 1;
    results.push(result);
  }
  expect(results).toEqual([0, 1, 2, 3, 4, 5]);
  expect(Math.max(...most)).toBe(ahead + 1);
});
