import { describe } from 'vitest';
import { describeWaysBackOf } from '../support/ways-back-suite.ts';

describe('what lets users in again after their sessions were ended', () => {
  describeWaysBackOf(['Better Auth’s own tables']);
});
