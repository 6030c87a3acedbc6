import { describe } from 'vitest';
import { describeListsOf } from '../support/list-shapes.ts';
import { otherShapes } from '../support/shapes.ts';

describe('list says what Better Auth says on other shapes', () => {
  describeListsOf(otherShapes);
});
