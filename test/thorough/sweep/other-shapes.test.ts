import { describe } from 'vitest';
import { otherShapes } from '../../support/shapes.ts';
import { describeSweepsOf } from '../../support/sweep-shapes.ts';

describe('a sweep deletes what has expired, and nothing else, on other shapes', () => {
  describeSweepsOf(otherShapes);
});
