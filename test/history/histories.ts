import fc from 'fast-check';
import {
  emptyChain,
  recordLine,
  sealRecord,
  type HistoryEntry,
  type HistoryHead,
  type HistoryRecord,
} from '../../src/history/history-record.ts';
import { hostileText } from '../output/hostile.ts';

export const anEntry: HistoryEntry = {
  runId: 'run-1',
  event: 'started',
  command: 'revoke-all',
  target: { profile: 'production', dialect: 'postgresql', database: 'db.example.com:5432/app', redis: null },
  selection: '--user ada@example.com',
  reason: 'stolen laptop',
  matched: 12,
  users: 1,
  revoked: null,
  remaining: null,
  outcome: null,
  detail: null,
};

const textOrNull = fc.option(hostileText, { nil: null });
const countOrNull = fc.option(fc.nat(), { nil: null });

/** An entry of which everything that is not sessionctl's own is hostile. */
export const hostileEntry: fc.Arbitrary<HistoryEntry> = fc
  .record({
    runId: hostileText,
    event: fc.constantFrom('started', 'finished', 'refused', 'cancelled'),
    command: fc.constantFrom('revoke', 'revoke-all', 'sweep', 'limit'),
    target: fc.record({
      profile: textOrNull,
      dialect: fc.constantFrom('postgresql', 'mysql', 'sqlite'),
      database: hostileText,
      redis: textOrNull,
    }),
    selection: hostileText,
    reason: textOrNull,
    matched: countOrNull,
    users: countOrNull,
    revoked: countOrNull,
    remaining: countOrNull,
    outcome: fc.constantFrom(null, 'complete', 'partial', 'failed', 'survivors'),
    detail: textOrNull,
    oauthTokens: fc.option(fc.nat(), { nil: undefined }),
  })
  // What is undefined is not written, and so is not there when it is read.
  .map(({ oauthTokens, ...entry }) => ({
    ...entry,
    ...(oauthTokens === undefined ? {} : { oauthTokens }),
  }));

export interface MadeHistory {
  readonly records: readonly HistoryRecord[];
  /** The file. */
  readonly bytes: Buffer;
}

/** The history that these entries make, one a second. */
export function historyOf(entries: readonly HistoryEntry[]): MadeHistory {
  const records: HistoryRecord[] = [];
  let head: HistoryHead = emptyChain;
  for (const [at, entry] of entries.entries()) {
    const record = sealRecord(entry, head, {
      at: new Date(Date.UTC(2026, 10, 23, 10, 0, at)).toISOString(),
      operator: { user: 'tester', host: 'testhost' },
      version: '1.0.0',
    });
    records.push(record);
    head = { sequence: record.sequence, hash: record.hash };
  }
  return { records, bytes: Buffer.from(records.map((record) => `${recordLine(record)}\n`).join('')) };
}

/** A history of so many records that differ. */
export function historyOfLength(length: number): MadeHistory {
  return historyOf(Array.from({ length }, (_, at) => ({ ...anEntry, runId: `run-${String(at + 1)}` })));
}
