import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { followChain, splitLines } from '../../src/history/history-chain.ts';
import {
  fragmentHash,
  parseRecord,
  recordLine,
  sealRecord,
  type HistoryRecord,
} from '../../src/history/history-record.ts';
import { anEntry, historyOf, historyOfLength, hostileEntry } from './histories.ts';

const follow = (bytes: Uint8Array) => followChain(splitLines(bytes));
const problemsOf = (bytes: Uint8Array) => follow(bytes).problems;
const fileOf = (records: readonly HistoryRecord[]) =>
  Buffer.from(records.map((record) => `${recordLine(record)}\n`).join(''));

const { records, bytes } = historyOfLength(5);
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
      const content = follow(made.bytes);
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
    expect(problemsOf(bytes)).toEqual([]);
  });

  it('a changed byte, wherever it is', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: bytes.length - 1 }),
        fc.integer({ min: 1, max: 255 }),
        (at, difference) => {
          const changed = Buffer.from(bytes);
          changed[at] = (changed[at] ?? 0) ^ difference;
          const { problems, remarks } = follow(changed);
          // Without its line feed, the last line looks interrupted.
          expect(at === bytes.length - 1 ? [...problems, ...remarks] : problems).not.toEqual([]);
        },
      ),
      { numRuns: 1000 },
    );
  });

  it('every single changed bit of a record', () => {
    const file = fileOf([first, second, third]);
    const offset = recordLine(first).length + 1;
    const bits = Array.from({ length: (recordLine(second).length + 1) * 8 }, (_, bit) => bit);
    const unnoticed = bits.filter((bit) => {
      const changed = Buffer.from(file);
      const at = offset + (bit >> 3);
      changed[at] = (changed[at] ?? 0) ^ (1 << (bit & 7));
      return problemsOf(changed).length === 0;
    });
    expect(unnoticed).toEqual([]);
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
    expect(problemsOf(file)).not.toEqual([]);
  }); // prettier-ignore

  it('bytes that are no text, where they read the same', () => {
    const made = historyOf([{ ...anEntry, reason: '\ufffd' }, anEntry]);
    const at = made.bytes.indexOf(Buffer.from('\ufffd'));
    const changed = Buffer.concat([made.bytes.subarray(0, at), Buffer.of(0xff), made.bytes.subarray(at + 3)]);
    expect(changed.toString()).toBe(made.bytes.toString());
    expect(problemsOf(changed)).not.toEqual([]);
  });

  it('a changed value', () => {
    const changed = fileOf([first, { ...second, reason: 'none' }, third, fourth, fifth]);
    expect(problemsOf(changed)).toEqual([
      { line: 2, kind: 'changed', message: 'record 2 is not as it was written' },
    ]);
  });

  it('a changed value under a hash that was made to fit', () => {
    const forged = sealRecord({ ...second, reason: 'none' }, first, second);
    expect(problemsOf(fileOf([first, forged, third, fourth, fifth]))).toEqual([
      { line: 3, kind: 'misplaced', message: 'record 3 does not follow the record before it' },
    ]);
  });

  it.each([
    ['the first', [second, third, fourth, fifth], 1, 'record 1 is missing before this'],
    ['one', [first, second, fourth, fifth], 3, 'record 3 is missing before this'],
    ['two', [first, fourth, fifth], 2, 'records 2 to 3 are missing before this'],
  ])('records that are missing: %s', (_, left, line, message) => {
    expect(problemsOf(fileOf(left))).toEqual([{ line, kind: 'missing', message }]);
  });

  it('a record that stands there twice', () => {
    expect(problemsOf(fileOf([first, second, second, third, fourth, fifth]))).toEqual([
      { line: 3, kind: 'misplaced', message: 'record 2 does not follow the record before it' },
    ]);
  });

  it('two records that follow the same one, as two writers would leave them', () => {
    const other = sealRecord({ ...anEntry, runId: 'other' }, second, third);
    expect(problemsOf(fileOf([first, second, third, other, fourth, fifth]))).toEqual([
      { line: 4, kind: 'misplaced', message: 'record 3 does not follow the record before it' },
    ]);
  });

  it('records in another order', () => {
    expect(problemsOf(fileOf([first, third, second, fourth, fifth]))).toEqual([
      { line: 2, kind: 'missing', message: 'record 2 is missing before this' },
      { line: 3, kind: 'misplaced', message: 'record 2 does not follow the record before it' },
    ]);
  });

  it('any lines taken out, put in, doubled or moved', () => {
    const lines = bytes.toString().trimEnd().split('\n');
    const stranger = recordLine(historyOf([{ ...anEntry, runId: 'stranger' }]).records[0] ?? first);
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...lines, stranger, '', '{}'), { maxLength: 8 }), (left) => {
        // Only a copy elsewhere shows that the end is missing.
        fc.pre(left.join('\n') !== lines.slice(0, left.length).join('\n'));
        fc.pre(left.length > 1 || left[0] !== stranger);
        expect(problemsOf(Buffer.from(left.map((line) => `${line}\n`).join('')))).not.toEqual([]);
      }),
      { numRuns: 1000 },
    );
  });

  it('a file that was cut in the middle of a line, as a remark', () => {
    const file = fileOf([first, second]);
    const lengths = Array.from({ length: file.length }, (_, length) => length);
    const misread = lengths.filter((length) => {
      const { problems, remarks } = follow(file.subarray(0, length));
      const isWhole = length === 0 || file[length - 1] === 0x0a;
      return problems.length > 0 || remarks.length !== (isWhole ? 0 : 1);
    });
    expect(misread).toEqual([]);
  });
});

test('an earlier version recorded that it did not know the end: that stays a problem', () => {
  const { hash: withoutIt, ...record } = sealRecord(anEntry, second, second);
  const sealed = { ...record, found: { headMissing: true } };
  const hash = createHash('sha256').update(JSON.stringify(sealed)).digest('hex');
  expect(hash).not.toBe(withoutIt);
  const file = Buffer.concat([
    fileOf([first, second]),
    Buffer.from(`${JSON.stringify({ ...sealed, hash })}\n`),
  ]);
  expect(problemsOf(file)).toEqual([
    { line: 3, kind: 'no-end', message: 'history.head was missing when record 3 was written' },
  ]);
});

describe('a line that was cut short', () => {
  const fragment = recordLine(third).slice(0, 100);

  it('is noted at the end', () => {
    const file = Buffer.concat([fileOf([first, second]), Buffer.from(fragment)]);
    const message = 'the last line has no end: its writing was interrupted';
    expect(follow(file)).toEqual({
      records: [first, second],
      problems: [],
      remarks: [{ line: 3, kind: 'cut-short', message }],
    });
  });

  it('is a problem at the end, where it has a line feed', () => {
    const file = Buffer.concat([fileOf([first, second]), Buffer.from(`${fragment}\n`)]);
    expect(problemsOf(file)).toMatchObject([{ line: 3, kind: 'unreadable' }]);
  });

  it('is a problem further up, and everything behind it is readable', () => {
    const file = Buffer.concat([
      fileOf([first, second]),
      Buffer.from(`${fragment}\n`),
      fileOf([third, fourth, fifth]),
    ]);
    const { records: read, problems } = follow(file);
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
        const next = sealRecord(anEntry, second, second, hash);
        const file = Buffer.concat([fileOf([first, second]), found, fileOf([next])]);
        const { problems, remarks } = follow(file);
        expect(problems).toEqual([]);
        expect(remarks).toMatchObject([{ line: 3, kind: 'cut-short' }]);
      }),
    );
  });

  it('does not make up for a record that is changed or missing, even where one vouches for what is left', () => {
    const broken = Buffer.from(recordLine(second).replace('stolen', 'broken') + '\n');
    const next = sealRecord(anEntry, first, third, fragmentHash([broken]));
    const file = Buffer.concat([fileOf([first]), broken, fileOf([next])]);
    expect(problemsOf(file)).toMatchObject([{ line: 2, kind: 'changed' }, { line: 3 }]);
  });

  it('may lack its line feed only', () => {
    expect(follow(bytes.subarray(0, -1))).toMatchObject({
      records,
      problems: [],
      remarks: [{ line: 5, kind: 'cut-short' }],
    });
  });
});
