import { describe } from 'vitest';
import { describeSweepsOf } from '../../support/sweep-shapes.ts';

describe('a sweep of every schema', () => {
  describeSweepsOf('postgresql');
});
