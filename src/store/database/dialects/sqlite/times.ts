import { recogniseValue, UnreadableTimeError, type TimeEncoding } from '../../schema/time-encoding.ts';

/**
 * The most common encoding of the values; of several equally common ones, that of the newest value. Values in other
 * encodings are unreadable.
 * @param values of the oldest rows, followed by as many of the newest, the newest first
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
  return most?.encoding ?? { ...EMPTY_COLUMN, label: 'no readable value', isUnreadable: true };
}

/** A column without values: nothing to compare, and a value that appears meanwhile is read by its own form. */
const EMPTY_COLUMN: TimeEncoding = {
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
