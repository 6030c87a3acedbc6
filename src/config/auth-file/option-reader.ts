import type { Unread } from './auth-reading.ts';
import type { ArrayValue, KnownValue, ObjectValue, StaticValue } from './static-value.ts';

/** A value that is written out, or computed from what is. */
export interface Plain<Kind> {
  readonly value: Kind;
  readonly line: number;
}

/** Reads options one by one, and notes what cannot be read. */
export interface OptionReader {
  readonly unread: readonly Unread[];
  readonly note: (option: string, line: number, why: string) => void;
  /** What stands under a path such as `session.cookieCache.maxAge`; undefined where it is absent or cannot be told. */
  readonly find: (path: string) => StaticValue | undefined;
  /** What stands under a name of the outermost options, unknown where it cannot be told; undefined only where it is surely absent. */
  readonly raw: (name: string) => StaticValue | undefined;
  readonly number: (path: string) => Plain<number> | undefined;
  readonly text: (path: string) => Plain<string> | undefined;
  readonly boolean: (path: string) => Plain<boolean> | undefined;
  readonly object: (path: string) => ObjectValue | undefined;
  readonly array: (path: string) => ArrayValue | undefined;
}

export function createOptionReader(options: ObjectValue): OptionReader {
  const unread: Unread[] = [];
  const note = (option: string, line: number, why: string) => {
    if (!unread.some((one) => one.option === option && one.line === line)) unread.push({ option, line, why });
  };
  if (options.openAt !== null) note('betterAuth options', options.openAt, OPEN);

  /** The value, or undefined where nothing is set; what is around it may be unknown, which is noted once. */
  const look = (path: string): StaticValue | undefined => {
    let value: StaticValue = options;
    const passed: string[] = [];
    for (const key of path.split('.')) {
      if (value.kind === 'unknown') break;
      if (value.kind !== 'object') {
        note(passed.join('.'), value.line, 'is no object that can be read');
        return undefined;
      }
      passed.push(key);
      const entry: StaticValue | undefined = value.entries.get(key);
      if (entry === undefined || (entry.kind === 'known' && entry.value === undefined)) return undefined;
      if (entry.kind === 'object' && entry.openAt !== null) note(passed.join('.'), entry.openAt, OPEN);
      value = entry;
    }
    if (value.kind !== 'unknown') return value;
    note(passed.join('.'), value.line, value.why);
    return undefined;
  };

  const typed = <Result>(path: string, pick: (value: StaticValue) => Result | undefined, what: string) => {
    const value = look(path);
    if (value === undefined) return undefined;
    const picked = pick(value);
    if (picked === undefined) note(path, value.line, whyNot(value, what));
    return picked;
  };

  return {
    unread,
    note,
    find: look,
    raw: (name) => {
      const value = options.entries.get(name);
      const isAbsent = value === undefined || (value.kind === 'known' && value.value === undefined);
      if (!isAbsent) return value;
      return options.openAt === null
        ? undefined
        : {
            kind: 'unknown',
            why: `may be set by the spread in line ${String(options.openAt)}`,
            line: options.openAt,
          };
    },
    number: (path) => typed(path, (value) => plain(value, (one) => typeof one === 'number'), 'number'),
    text: (path) => typed(path, (value) => plain(value, (one) => typeof one === 'string'), 'text'),
    boolean: (path) =>
      typed(path, (value) => plain(value, (one) => typeof one === 'boolean'), 'true or false'),
    object: (path) => typed(path, (value) => (value.kind === 'object' ? value : undefined), 'object'),
    array: (path) => typed(path, (value) => (value.kind === 'array' ? value : undefined), 'list'),
  };
}

function plain<Kind extends KnownValue['value']>(
  value: StaticValue,
  isKind: (plain: KnownValue['value']) => plain is Kind,
): Plain<Kind> | undefined {
  if (value.kind !== 'known') return undefined;
  const { value: one, line } = value;
  return isKind(one) ? { value: one, line } : undefined;
}

const OPEN = 'is partly made by a spread, and what that sets is not read';

/** Why a value is not used, in the end of a sentence. */
export function whyNot(value: StaticValue, wanted: string): string {
  switch (value.kind) {
    case 'unknown':
      return value.why;
    case 'call':
      return `is made by ${value.name}(), which is not run`;
    case 'reference':
      return 'depends on the environment';
    case 'function':
      return 'is a function, which is not run';
    default:
      return `is no ${wanted}`;
  }
}
