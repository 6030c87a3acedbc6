import { recogniseValue, UnreadableTimeError, type TimeEncoding } from '../time-encoding.ts';

/**
 * The encoding of most values, of several that are as frequent the newest one's. Any others are unreadable to it.
 * @param values of the oldest rows and, behind them, as many of the newest, the newest first
 */
export function encodingOf(values: readonly unknown[]): TimeEncoding {
  if (values.every((value) => value === null)) return EMPTY_COLUMN;
  const found = new Map<string, { readonly encoding: TimeEncoding; readonly count: number }>();
  const middle = values.length / 2;
  for (const value of [...values.slice(middle), ...values.slice(0, middle)]) {
    const encoding = recogniseValue(value);
    if (encoding !== undefined)
      found.set(encoding.label, { encoding, count: (found.get(encoding.label)?.count ?? 0) + 1 });
  }
  const [most] = [...found.values()].sort((one, other) => other.count - one.count);
  return most?.encoding ?? { ...EMPTY_COLUMN, label: 'no value that can be read', isUnreadable: true };
}

/** A column without any value yet: nothing compares, and a value that appears meanwhile is read as what it is. */
export const EMPTY_COLUMN: TimeEncoding = {
  label: 'no values yet',
  zone: null,
  isEmpty: true,
  zoneKnown: true,
  unreadable: '(?? IS NOT NULL)',
  comparesUnreadable: false,
  fromText: null,
  encode: (instant) => instant,
  encodeSurely: (instant) => instant,
  decode: (value) => {
    const encoding = recogniseValue(value);
    if (encoding === undefined) throw new UnreadableTimeError(value);
    return encoding.decode(value);
  },
};
