import { describe } from 'vitest';
import { describeListsOf } from '../support/list-shapes.ts';
import { commonShapes } from '../support/shapes.ts';

describe('list says what Better Auth says', () => {
  describeListsOf(commonShapes);
});
