import fc from 'fast-check';
import type { Instant } from '../../src/sessions/instant.ts';
import type { Session } from '../../src/sessions/session.ts';

/** Text as an attacker chooses it: controls, bidi, marks, wide and astral characters, lone surrogates, formulas. */
export const hostileText = fc
  .array(
    fc.oneof(
      fc.string({ unit: 'binary', maxLength: 6 }),
      fc.string({ maxLength: 12 }),
      fc.constantFrom(
        '\u001b[2J', '\u001b]0;title\u0007', '\u009b31m', '\r', '\n', '\t', '\0', '\u007f', '\u202e', '\u2066', '\u200f', '\u2028',
        '\ufeff', '\u{e0041}', '\u115f', '\ud800', '\udc00', '田中', '👩‍👩‍👧', '🇩🇪', '❤️', 'Z' + '\u0301\u0316\u0350'.repeat(20),
        'प्रिया', '=1+1', '+1', '-1', '@SUM(A1)', '"', "'", ',', ';', '\\', '\\u202e', '%', '</script>', '  ', 'x'.repeat(300),
      ), // prettier-ignore
      fc.integer({ min: 0, max: 0xffff }).map((unit) => String.fromCharCode(unit)),
    ),
    { maxLength: 8 },
  )
  .map((parts) => parts.join(''));

const orNull = fc.option(hostileText, { nil: null });
const instant = fc.option(
  fc.integer({ min: 0, max: 4_000_000_000_000 }).map((time) => new Date(time).toISOString() as Instant),
  { nil: null },
);

/** A session of which everything that is not sessionctl's own is hostile. */
export const hostileSession: fc.Arbitrary<Session> = fc.record({
  id: hostileText,
  userId: hostileText,
  userEmail: orNull,
  userName: orNull,
  state: fc.constantFrom('active', 'expired'),
  createdAt: instant,
  updatedAt: instant,
  lastActiveAt: instant,
  expiresAt: instant,
  ipAddress: fc.oneof(orNull, fc.ipV4(), fc.ipV6()),
  userAgent: orNull,
  impersonatedBy: orNull,
  activeOrganizationId: orNull,
  store: fc.constantFrom('database', 'secondary', 'both'),
  tokenFingerprint: fc.string({
    unit: fc.constantFrom(...Array.from('0123456789abcdef')),
    minLength: 12,
    maxLength: 12,
  }),
});

/**
 * Code points that must never reach a terminal, from the Unicode ranges and not from the pattern under test: controls,
 * bidirectional and zero-width characters, separators, tags, surrogates.
 */
export function dangerousIn(text: string): readonly string[] {
  const ranges: readonly (readonly [number, number])[] = [
    [0x00, 0x1f], [0x7f, 0x9f], [0xad, 0xad], [0x61c, 0x61c], [0x115f, 0x1160], [0x180e, 0x180e], [0x200b, 0x200f], [0x2028, 0x202e],
    [0x2060, 0x206f], [0x3164, 0x3164], [0xd800, 0xdfff], [0xfeff, 0xfeff], [0xffa0, 0xffa0], [0xfff9, 0xfffb], [0xe0000, 0xe007f],
  ]; // prettier-ignore
  return Array.from(text).filter((character) => {
    const code = character.codePointAt(0) ?? 0;
    return ranges.some(([first, last]) => code >= first && code <= last);
  });
}

export const aSession: Session = {
  id: 'qYwS7kqzA1b2C3d4E5f6G7h8I9j0K1l2',
  userId: 'Uu0000000000000000000000000000u1',
  userEmail: 'ada@example.com',
  userName: 'Ada Winter',
  state: 'active',
  createdAt: '2026-11-20T14:00:00.000Z' as Instant,
  updatedAt: '2026-11-23T11:00:00.000Z' as Instant,
  lastActiveAt: '2026-11-23T11:00:00.000Z' as Instant,
  expiresAt: '2026-11-30T11:00:00.000Z' as Instant,
  ipAddress: '2001:0db8:aaaa:bbbb:0000:0000:0000:0000',
  userAgent:
    'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36',
  impersonatedBy: null,
  activeOrganizationId: 'org1',
  store: 'database',
  tokenFingerprint: '0123456789ab',
};
