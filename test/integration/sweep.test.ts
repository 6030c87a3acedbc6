import { describe } from 'vitest';
import { commonShapes } from '../support/shapes.ts';
import { describeSweepsOf } from '../support/sweep-shapes.ts';

describe('a sweep deletes what has expired, and nothing else', () => {
  describeSweepsOf(commonShapes);
});
