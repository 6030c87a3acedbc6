import { describe } from 'vitest';
import { describeWaysBackOf } from '../support/ways-back-suite.ts';

describe('what lets users in again after their sessions were ended', () => {
  describeWaysBackOf(['numbers as ids', 'names of the operator’s own, and fields in snake case']);
});
