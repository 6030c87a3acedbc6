import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fitWho, readSince, readWho } from '../../src/store/database/dialects/lock-owner-text.ts';

describe('who holds a lock', () => {
  it.each([
    ['root@cron-1, pid 4711', 29, 'root@cron-1, pid 4711'],
    // A domain goes first.
    ['root@cron-1.eu-central-1.compute.internal, pid 4711', 29, 'root@cron-1, pid 4711'],
    // An address has none.
    ['somebody@2001:db8::1.2.3.4, pid 4711', 29, 'somebody...:1.2.3.4, pid 4711'],
    ['node@auth-sweep-28934560-x7k2p, pid 1', 29, 'node@auth-...560-x7k2p, pid 1'],
  ])('%s in %i characters', (who, most, shown) => {
    expect(fitWho(who, most)).toBe(shown);
  });

  it('is one printable line of the length that was asked for, whatever it was', () => {
    const anything = fc.tuple(
      fc.string({ unit: 'binary' }),
      fc.string({ unit: 'binary', maxLength: 300 }),
      fc.nat(9_999_999),
    );
    fc.assert(
      fc.property(anything, fc.integer({ min: 20, max: 60 }), ([user, host, pid], most) => {
        const who = fitWho(`${user}@${host}, pid ${String(pid)}`, most);
        expect(who).toMatch(/^[ -~]*$/);
        expect(who.length).toBeLessThanOrEqual(most);
        expect(who).toMatch(new RegExp(`, pid ${String(pid)}$`));
      }),
    );
  });

  it('is not taken from somebody else as it comes', () => {
    expect(readWho('\u001b[31mroot@\u202ecron')).toBe('?[31mroot@?cron');
    expect(readWho('x'.repeat(5000))).toHaveLength(200);
    for (const nothing of [null, undefined, 17, '', '  ']) expect(readWho(nothing)).toBeNull();
  });
});

describe('since when', () => {
  it.each([
    ['20261123T020000Z', '2026-11-23T02:00:00.000Z'],
    ['2026-11-23T02:00:00.123Z', '2026-11-23T02:00:00.123Z'],
    ['20261399T020000Z', null],
    ['yesterday', null],
    [17, null],
  ])('%s', (text, moment) => {
    expect(readSince(text)).toBe(moment);
  });
});
