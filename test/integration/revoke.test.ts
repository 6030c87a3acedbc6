import { describe } from 'vitest';
import { describeEndingsOf } from '../support/revoke-shapes.ts';
import { commonShapes } from '../support/shapes.ts';

describe('Better Auth finds dead exactly what was to be ended', () => {
  describeEndingsOf(commonShapes);
});
