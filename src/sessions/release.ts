/** The first release in which Better Auth honours its mark of when all sessions of a user ended. */
const HEEDS_MARKS = [1, 7, 16] as const;

/** Whether text names a release of Better Auth, such as `1.7.25` or `1.7.0-rc.4`. */
export function isRelease(text: string): boolean {
  return /^\d+\.\d+\.\d+(-[\w.-]+)?$/.test(text);
}

/**
 * Whether this release of Better Auth refuses sessions that a late request writes back after all sessions of a user
 * have ended (`revoked-sessions-before-<userId>`); null where the release is not known. A mark in Redis does not show it:
 * sessionctl itself or a release that was rolled back may have written it, and 1.7.16 stores nothing else in a new form.
 */
export function heedsMarks(release: string | null): boolean | null {
  if (release === null) return null;
  const [numbers = '', preview] = release.split('-', 2);
  const parts = numbers.split('.').map(Number);
  for (const [at, wanted] of HEEDS_MARKS.entries()) {
    const part = parts[at] ?? 0;
    if (part !== wanted) return part > wanted;
  }
  return preview === undefined;
}
