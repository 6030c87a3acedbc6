import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { followChain, splitLines } from '../../src/history/history-chain.ts';
import type { StoredHead } from '../../src/history/history-head.ts';
import {
  emptyChain,
  fragmentHash,
  parseRecord,
  recordLine,
  sealRecord,
  type HistoryRecord,
} from '../../src/history/history-record.ts';
import { anEntry, historyOf, historyOfLength, hostileEntry } from './histories.ts';

const follow = (bytes: Uint8Array, head: StoredHead) => followChain(splitLines(bytes), head);
const problemsOf = (bytes: Uint8Array, head: StoredHead) => follow(bytes, head).problems;
const fileOf = (records: readonly HistoryRecord[]) =>
  Buffer.from(records.map((record) => `${recordLine(record)}\n`).join(''));

const { records, head, bytes } = historyOfLength(5);
const [first, second, third, fourth, fifth] = records as [
  HistoryRecord,
  HistoryRecord,
  HistoryRecord,
  HistoryRecord,
  HistoryRecord,
];

test('a record, field by field', () => {
  expect(`\n${recordLine(first)}`).toMatchInlineSnapshot(`
    "
    {"sequence":1,"at":"2026-11-23T10:00:00.000Z","runId":"run-1","event":"started","command":"revoke-all","operator":{"user":"tester","host":"testhost"},"version":"1.0.0","target":{"profile":"production","dialect":"postgresql","database":"db.example.com:5432/app","redis":null},"selection":"--user ada@example.com","reason":"stolen laptop","matched":12,"users":1,"revoked":null,"remaining":null,"outcome":null,"detail":null,"previous":"0000000000000000000000000000000000000000000000000000000000000000","hash":"56324746b1ddf609c754ad74ad0383a8a274d73227079b02966124fac4cf296e"}"
  `);
});

test('anybody can check the hash: it is that of the line without it', () => {
  const line = recordLine(second);
  const without = line.replace(/,"hash":"[0-9a-f]{64}"\}$/, '}');
  expect(without).not.toBe(line);
  expect(createHash('sha256').update(without).digest('hex')).toBe(second.hash);
  expect(second.previous).toBe(first.hash);
  expect(first.previous).toBe('0'.repeat(64));
});

test('what is written can be read, whatever it says', () => {
  fc.assert(
    fc.property(fc.array(hostileEntry, { maxLength: 5 }), (entries) => {
      const made = historyOf(entries);
      const content = follow(made.bytes, entries.length === 0 ? 'absent' : made.head);
      expect(content).toEqual({ records: made.records, problems: [], remarks: [] });
      for (const [at, entry] of entries.entries()) expect(content.records[at]).toMatchObject(entry);
    }),
  );
});

test('a record of a later version, which says more, is a record', () => {
  const line = recordLine(first).replace(/,"hash":.*$/, ',"extra":[{"more":true}]}');
  const hash = createHash('sha256').update(line).digest('hex');
  const later = `${line.slice(0, -1)},"hash":"${hash}"}`;
  expect(parseRecord(later)?.intact).toBe(true);
  expect(parseRecord(later.replace('true', 'null'))?.intact).toBe(false);
});

test.each([
  '', '{}', 'null', '[]', '"record"', '{', 'nonsense', recordLine(first).slice(0, -1), recordLine(first).slice(1),
  JSON.stringify({ ...first, sequence: 0 }),
  JSON.stringify({ ...first, matched: '12' }),
  JSON.stringify({ ...first, oauthTokens: -1 }),
  JSON.stringify({ ...first, at: '2026-11-23' }),
  JSON.stringify({ ...first, hash: 'abc' }),
  JSON.stringify({ ...first, operator: null }),
])('no record: %s', (line) => {
  expect(parseRecord(line)).toBeNull();
}); // prettier-ignore

describe('what was done to a history is found:', () => {
  it('nothing', () => {
    expect(problemsOf(bytes, head)).toEqual([]);
  });

  it('a changed byte, wherever it is', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: bytes.length - 1 }),
        fc.integer({ min: 1, max: 255 }),
        (at, difference) => {
          const changed = Buffer.from(bytes);
          changed[at] = (changed[at] ?? 0) ^ difference;
          expect(problemsOf(changed, head)).not.toEqual([]);
        },
      ),
      { numRuns: 3000 },
    );
  });

  it('every single changed bit of a record', () => {
    const line = Buffer.from(`${recordLine(second)}\n`);
    const offset = recordLine(first).length + 1;
    for (let bit = 0; bit < line.length * 8; bit += 1) {
      const changed = Buffer.from(bytes);
      const at = offset + (bit >> 3);
      changed[at] = (changed[at] ?? 0) ^ (1 << (bit & 7));
      expect(problemsOf(changed, head), `bit ${String(bit)}`).not.toEqual([]);
    }
  });

  it.each([
    ['a space', (line: string) => line.replace('":', '": ')],
    ['a space at the end', (line: string) => `${line} `],
    ['a carriage return', (line: string) => `${line}\r`],
    ['an escape', (line: string) => line.replace('stolen', '\\u0073tolen')],
    ['a number written otherwise', (line: string) => line.replace('"matched":12', '"matched":1.2e1')],
    ['a key twice', (line: string) => line.replace('"matched":12', '"matched":13,"matched":12')],
    ['a key more', (line: string) => line.replace('"matched":12', '"matched":12,"approved":true')],
    ['keys in another order', (line: string) => line.replace('"matched":12,"users":1', '"users":1,"matched":12')],
    ['the hash at another place', (line: string) => `{${line.slice(-74, -1)},${line.slice(1, -75)}}`],
    ['a byte order mark', (line: string) => `\ufeff${line}`],
  ])('the same, written otherwise: %s', (_, change) => {
    const changed = change(recordLine(second));
    expect(changed).not.toBe(recordLine(second));
    expect(JSON.parse(changed.replace('\ufeff', ''))).toMatchObject(second);
    const file = Buffer.concat([fileOf([first]), Buffer.from(`${changed}\n`), fileOf([third, fourth, fifth])]);
    expect(problemsOf(file, head)).not.toEqual([]);
  }); // prettier-ignore

  it('bytes that are no text, where they read the same', () => {
    const made = historyOf([{ ...anEntry, reason: '\ufffd' }, anEntry]);
    const at = made.bytes.indexOf(Buffer.from('\ufffd'));
    const changed = Buffer.concat([made.bytes.subarray(0, at), Buffer.of(0xff), made.bytes.subarray(at + 3)]);
    expect(changed.toString()).toBe(made.bytes.toString());
    expect(problemsOf(changed, made.head)).not.toEqual([]);
  });

  it('a changed value', () => {
    const changed = fileOf([first, { ...second, reason: 'none' }, third, fourth, fifth]);
    expect(problemsOf(changed, head)).toEqual([
      { line: 2, kind: 'changed', message: 'record 2 is not as it was written' },
    ]);
  });

  it('a changed value under a hash that was made to fit', () => {
    const forged = sealRecord({ ...second, reason: 'none' }, first, second);
    expect(problemsOf(fileOf([first, forged, third, fourth, fifth]), head)).toEqual([
      { line: 3, kind: 'misplaced', message: 'record 3 does not follow the record before it' },
    ]);
  });

  it('a whole history that was made anew', () => {
    const forged = historyOf(
      Array.from({ length: 5 }, (_, at) => ({ ...anEntry, reason: `another ${String(at)}` })),
    );
    expect(problemsOf(forged.bytes, head)).toEqual([
      { line: 5, kind: 'changed', message: 'record 5 is not the one that was written' },
    ]);
  });

  it.each([
    ['the first', [second, third, fourth, fifth], 1, 'record 1 is missing before this'],
    ['one', [first, second, fourth, fifth], 3, 'record 3 is missing before this'],
    ['two', [first, fourth, fifth], 2, 'records 2 to 3 are missing before this'],
  ])('records that are missing: %s', (_, left, line, message) => {
    expect(problemsOf(fileOf(left), head)).toEqual([{ line, kind: 'missing', message }]);
  });

  it.each([
    ['the last', [first, second, third, fourth], 5, 'record 5 is missing at the end'],
    ['the last two', [first, second, third], 4, 'records 4 to 5 are missing at the end'],
    ['all', [], 1, 'records 1 to 5 are missing at the end'],
  ])('records that are missing at the end: %s', (_, left, line, message) => {
    expect(problemsOf(fileOf(left), head)).toEqual([{ line, kind: 'end-missing', message }]);
  });

  it('records whose last ones were written anew, but fewer', () => {
    const forged = sealRecord({ ...fourth, reason: 'none' }, third, fourth);
    expect(problemsOf(fileOf([first, second, third, forged]), head)).toEqual([
      { line: 5, kind: 'end-missing', message: 'record 5 is missing at the end' },
    ]);
  });

  it('a record that stands there twice', () => {
    expect(problemsOf(fileOf([first, second, second, third, fourth, fifth]), head)).toEqual([
      { line: 3, kind: 'misplaced', message: 'record 2 does not follow the record before it' },
    ]);
  });

  it('two records that follow the same one, as two writers would leave them', () => {
    const other = sealRecord({ ...anEntry, runId: 'other' }, second, third);
    expect(problemsOf(fileOf([first, second, third, other, fourth, fifth]), head)).toEqual([
      { line: 4, kind: 'misplaced', message: 'record 3 does not follow the record before it' },
    ]);
  });

  it('records in another order', () => {
    expect(problemsOf(fileOf([first, third, second, fourth, fifth]), head)).toEqual([
      { line: 2, kind: 'missing', message: 'record 2 is missing before this' },
      { line: 3, kind: 'misplaced', message: 'record 2 does not follow the record before it' },
    ]);
  });

  it('any lines taken out, put in, doubled or moved', () => {
    const lines = bytes.toString().trimEnd().split('\n');
    const stranger = recordLine(historyOf([{ ...anEntry, runId: 'stranger' }]).records[0] ?? first);
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...lines, stranger, '', '{}'), { maxLength: 8 }), (left) => {
        fc.pre(left.join('\n') !== lines.join('\n'));
        expect(problemsOf(Buffer.from(left.map((line) => `${line}\n`).join('')), head)).not.toEqual([]);
      }),
      { numRuns: 1000 },
    );
  });

  it('a file that was cut anywhere', () => {
    for (let length = 0; length < bytes.length; length += 1)
      expect(problemsOf(bytes.subarray(0, length), head), String(length)).not.toEqual([]);
  });
});

describe('the end', () => {
  it('may be behind the head by what was written when it could not be', () => {
    for (const { sequence, hash } of records)
      expect(problemsOf(bytes, { sequence, hash }), String(sequence)).toEqual([]);
  });

  it('of nothing is nothing, with the head of no record or none', () => {
    expect(problemsOf(Buffer.alloc(0), 'absent')).toEqual([]);
    expect(problemsOf(Buffer.alloc(0), emptyChain)).toEqual([]);
    expect(problemsOf(fileOf([first]), emptyChain)).toEqual([]);
  });

  it.each([records, [first]])('is not known where the head is gone', (...left) => {
    expect(problemsOf(fileOf(left), 'absent')).toEqual([
      {
        line: left.length + 1,
        kind: 'no-end',
        message: 'the file that says where the history ends is missing',
      },
    ]);
  });

  it('is not known where the head cannot be understood', () => {
    expect(problemsOf(bytes, 'unreadable')).toEqual([
      {
        line: 6,
        kind: 'no-end',
        message: 'the file that says where the history ends cannot be read',
      },
    ]);
  });
});

describe('a line that was cut short', () => {
  const fragment = recordLine(third).slice(0, 100);

  it('is noted at the end, where the head does not know of it', () => {
    const file = Buffer.concat([fileOf([first, second]), Buffer.from(fragment)]);
    const message = 'the last line has no end: its writing was interrupted';
    for (const known of [second, first, emptyChain]) {
      expect(follow(file, known)).toEqual({
        records: [first, second],
        problems: [],
        remarks: [{ line: 3, kind: 'cut-short', message }],
      });
    }
  });

  it('is a problem at the end, where the head names its record or says nothing', () => {
    const file = Buffer.concat([fileOf([first, second]), Buffer.from(fragment)]);
    for (const known of [third, 'absent', 'unreadable'] as const)
      expect(problemsOf(file, known)).toMatchObject([{ line: 3, kind: 'cut-short' }, { line: 4 }]);
  });

  it('is a problem further up, and everything behind it is readable', () => {
    const file = Buffer.concat([
      fileOf([first, second]),
      Buffer.from(`${fragment}\n`),
      fileOf([third, fourth, fifth]),
    ]);
    const { records: read, problems } = follow(file, head);
    expect(read).toEqual(records);
    expect(problems).toEqual([
      { line: 3, kind: 'unreadable', message: 'not a record, or one whose writing was interrupted' },
    ]);
  });

  it('further up is noted where the next record vouches for it, whatever it is', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 200 }), (left) => {
        const found = Buffer.concat([left, Buffer.from('\n')]);
        const fragments = splitLines(found);
        fc.pre(fragments.every(({ text }) => text === null || parseRecord(text) === null));
        const hash = fragmentHash(fragments.map((line) => line.bytes));
        const next = sealRecord(anEntry, second, second, { fragment: hash ?? '' });
        const file = Buffer.concat([fileOf([first, second]), found, fileOf([next])]);
        const { problems, remarks } = follow(file, next);
        expect(problems).toEqual([]);
        expect(remarks).toMatchObject([{ line: 3, kind: 'cut-short' }]);
        // A writer that was killed leaves what the head does not know of.
        expect(problemsOf(file, second)).toEqual([]);
      }),
    );
  });

  it('does not make up for a record that is changed or missing, even where one vouches for what is left', () => {
    const broken = Buffer.from(recordLine(second).replace('stolen', 'broken') + '\n');
    const next = sealRecord(anEntry, first, third, { fragment: fragmentHash([broken]) ?? '' });
    const file = Buffer.concat([fileOf([first]), broken, fileOf([next])]);
    expect(problemsOf(file, second)).not.toEqual([]);
    expect(problemsOf(file, next)).toMatchObject([{ line: 2, kind: 'changed' }, { line: 3 }]);
  });

  it('may lack its line feed only', () => {
    const { records: read, problems } = follow(bytes.subarray(0, -1), head);
    expect(read).toEqual(records);
    expect(problems.map(({ line, kind }) => [line, kind])).toEqual([[5, 'cut-short']]);
    expect(follow(bytes.subarray(0, -1), fourth)).toMatchObject({
      records,
      problems: [],
      remarks: [{ line: 5, kind: 'cut-short' }],
    });
  });
});
