import { expect, it } from 'vitest';
import { heedsMarks, isRelease } from '../../src/sessions/release.ts';

it.each([
  ['1.7.16', true],
  ['1.7.15', false],
  ['1.7.16-beta.1', false],
  ['1.7.17-beta.1', true],
  ['1.8.0', true],
  ['1.10.2', true],
  ['1.6.33', false],
  ['2.0.0', true],
] as const)('Better Auth %s heeds its mark: %s', (release, heeds) => {
  expect(isRelease(release)).toBe(true);
  expect(heedsMarks(release)).toBe(heeds);
});

it('knows nothing of a release that is not named', () => {
  expect(heedsMarks(null)).toBeNull();
  expect(['^1.7.0', 'v1.7.0', '1.7', 'latest', ''].filter(isRelease)).toEqual([]);
});
