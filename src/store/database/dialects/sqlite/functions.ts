import { hash } from 'node:crypto';
import type { Database } from 'better-sqlite3';
import { keyFinder } from '../../../../sessions/address.ts';
import { foldCase } from '../../../../sessions/fold-case.ts';
import { networkDigits } from '../../../../sessions/network.ts';
import { readStoredAddress } from '../../../../sessions/stored-address.ts';

/**
 * Lists that the functions below search. SQLite refers to them by a key, since it would pass a whole list with every
 * row.
 */
function keptLists<Value, Kept>(prepare: (list: readonly Value[]) => Kept) {
  const kept = new Map<string, Kept>();
  return {
    keep(list: readonly Value[]): string {
      const key = hash('sha256', JSON.stringify(list), 'hex');
      if (!kept.has(key)) kept.set(key, prepare(list));
      return key;
    },
    read(key: string): Kept {
      const list = kept.get(key);
      if (list === undefined) throw new Error('a list that was not kept');
      return list;
    },
  };
}

export const rangeLists = keptLists(keyFinder);
export const textLists = keptLists((texts: readonly string[]) => texts);

/** Functions that SQLite lacks: addresses, and lower case beyond ASCII. */
export function addFunctions(database: Database): void {
  const options = { deterministic: true } as const;
  database.function('sessionctl_address_in', options, (stored: StoredValue, ranges: string) => {
    const { key } = readStoredAddress(textOf(stored));
    if (key === null) return 0;
    return Number(rangeLists.read(ranges)(key));
  });
  database.function('sessionctl_address_unclear', options, (stored: StoredValue) =>
    Number(readStoredAddress(textOf(stored)).unclear),
  );
  database.function('sessionctl_network', options, (stored: StoredValue) => {
    const { key } = readStoredAddress(textOf(stored));
    return key === null ? null : networkDigits(key);
  });
  database.function('sessionctl_fold', options, (text: unknown) =>
    typeof text === 'string' ? foldCase(text) : null,
  );
  database.function('sessionctl_contains_any', options, (stored: string | null, texts: string) => {
    const held = stored === null ? null : foldCase(stored);
    return Number(held !== null && textLists.read(texts).some((text) => held.includes(text)));
  });
}

/** Any stored value: SQLite does not enforce the type of a column. */
type StoredValue = string | number | Buffer | null;

function textOf(stored: StoredValue): string | null {
  return stored === null ? null : String(stored);
}
