import { parse } from 'csv-parse/sync';
import fc from 'fast-check';
import stringWidth from 'string-width';
import { expect, test } from 'vitest';
import { safeText } from '../../src/output/safe-text.ts';
import { csvHeader, sessionCsv } from '../../src/output/session-csv.ts';
import { sessionDetailsText } from '../../src/output/session-details.ts';
import { sessionJson } from '../../src/output/session-json.ts';
import { sessionTable } from '../../src/output/session-table.ts';
import { stylesFor, type Terminal } from '../../src/output/styles.ts';
import type { Instant } from '../../src/sessions/instant.ts';
import { contractObject } from './contract-object.ts';
import { dangerousIn, hostileSession } from './hostile.ts';

const now = '2026-11-23T14:00:00.000Z' as Instant;
const screen = (width: number): Terminal => ({ interactive: true, colour: false, width });
const FORMULA = /^[=+\-@\t\r\uff1d\uff0b\uff0d\uff20]/;

test('no line is wider than the screen, whatever the sessions say', () => {
  fc.assert(
    fc.property(
      fc.array(hostileSession, { minLength: 1, maxLength: 5 }),
      fc.integer({ min: 1, max: 200 }),
      (sessions, width) => {
        const lines = sessionTable(sessions, {
          now,
          terminal: screen(width),
          styles: stylesFor(screen(width)),
          wide: false,
          emails: new Map(),
        })
          .text.trimEnd()
          .split('\n');
        expect(lines).toHaveLength(sessions.length + 1);
        for (const line of lines) {
          expect(stringWidth(line)).toBeLessThanOrEqual(width);
          expect(dangerousIn(line)).toEqual([]);
        }
      },
    ),
    { numRuns: 500 },
  );
});

test('the details of a session are no wider than the screen either', () => {
  fc.assert(
    fc.property(hostileSession, fc.integer({ min: 40, max: 200 }), (session, width) => {
      const details = {
        session,
        refreshDueAt: null,
        disableRefresh: false,
        deferRefresh: false,
        expiresIn: 604_800_000,
        freshUntil: null,
        oauthTokens: null,
        impersonating: { count: 0, some: [] },
        standing: { cached: undefined, row: null, rowsAreRecords: false, user: null },
        otherActiveSessions: 2,
        emails: new Map(),
      };
      const text = sessionDetailsText(details, now, screen(width), stylesFor(screen(width)));
      for (const line of text.trimEnd().split('\n')) {
        expect(stringWidth(line)).toBeLessThanOrEqual(width);
        expect(dangerousIn(line)).toEqual([]);
      }
    }),
    { numRuns: 300 },
  );
});

test('any session parses back to the same values, in the order of the contract, on one harmless line', () => {
  fc.assert(
    fc.property(hostileSession, (session) => {
      const line = sessionJson(session);
      const expected = contractObject(session);
      const parsed: unknown = JSON.parse(line);
      expect(parsed).toEqual(expected);
      expect(Object.keys(parsed as object)).toEqual(Object.keys(expected));
      expect(dangerousIn(line)).toEqual([]);
    }),
    { numRuns: 1000 },
  );
});

test('any session is one line that reads back, with no formula and nothing dangerous in it', () => {
  fc.assert(
    fc.property(fc.array(hostileSession, { maxLength: 4 }), (sessions) => {
      const text = sessionCsv(sessions);
      const lines = text.split('\n').slice(0, -1);
      expect(lines).toHaveLength(sessions.length);
      expect(dangerousIn(lines.join(''))).toEqual([]);
      const rows = (
        parse(csvHeader + text, { relax_column_count: false }) as readonly (readonly string[])[]
      ).slice(1);
      for (const [at, session] of sessions.entries()) {
        const row = rows[at] ?? [];
        expect(row).toHaveLength(15);
        for (const cell of row) expect(cell).not.toMatch(FORMULA);
        const expected = [session.id, session.userId, session.userEmail, session.userName].map((value) =>
          safeText(value ?? ''),
        );
        expect(row.slice(0, 4)).toEqual(expected.map((value) => (FORMULA.test(value) ? `'${value}` : value)));
      }
    }),
    { numRuns: 500 },
  );
});
