import type { Unread } from './auth-reading.ts';
import type { ArrayValue, KnownValue, ObjectValue, StaticValue } from './static-value.ts';

/** A literal value, or one computed from literals. */
export interface Plain<Kind> {
  readonly value: Kind;
  readonly line: number;
}

/** The reason why the value under a path is not known. */
export interface Doubt {
  /** The option in doubt: the option itself, or one of those around it. */
  readonly option: string;
  readonly line: number;
  readonly why: string;
  /** The file does not set it, and a spread may set it. */
  readonly isOpen: boolean;
}

/** The possible values under a path. */
export interface Prospect {
  /** Without a doubt the one value, or none where it is absent; with a doubt, the possible values, if known. */
  readonly values: readonly StaticValue[];
  readonly doubt: Doubt | null;
}

/** Reads options one by one, and notes those that cannot be read. */
export interface OptionReader {
  readonly unread: readonly Unread[];
  readonly note: (option: string, line: number, why: string) => void;
  /** The value under a path such as `session.cookieCache.maxAge`; undefined where it is absent or not known. */
  readonly find: (path: string) => StaticValue | undefined;
  /** The value of an outermost option, unknown where it cannot be read; undefined only where it is certainly absent. */
  readonly raw: (name: string) => StaticValue | undefined;
  /** The possible values under a path, for callers that weigh a doubt instead of only noting it. */
  readonly prospect: (path: string) => Prospect;
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

  const prospect = (path: string): Prospect => walk(options, [], path.split('.'));

  const walk = (value: StaticValue, passed: readonly string[], left: readonly string[]): Prospect => {
    const option = passed.join('.');
    if (value.kind === 'unknown') {
      const { line, why, candidates = [] } = value;
      const values = candidates.flatMap((candidate) => walk(candidate, passed, left).values);
      return { values, doubt: { option, line, why, isOpen: false } };
    }
    const [key, ...rest] = left;
    if (key === undefined) return isNothing(value) ? ABSENT : { values: [value], doubt: null };
    if (isNothing(value)) return ABSENT;
    if (value.kind !== 'object') {
      note(option, value.line, 'is no object that can be read');
      return ABSENT;
    }
    if (passed.length > 0 && value.openAt !== null) note(option, value.openAt, OPEN);
    const entry = value.entries.get(key);
    const inner = [...passed, key];
    if (entry !== undefined) return walk(entry, inner, rest);
    if (value.openAt === null) return ABSENT;
    const why = `may be set by the spread in line ${String(value.openAt)}`;
    return { values: [], doubt: { option: inner.join('.'), line: value.openAt, why, isOpen: true } };
  };

  /** The value, or undefined where it is not set. An unknown value around it is noted once. */
  const look = (path: string): StaticValue | undefined => {
    const { values, doubt } = prospect(path);
    if (doubt === null) return values[0];
    if (!doubt.isOpen) note(doubt.option, doubt.line, doubt.why);
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
    prospect,
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

const ABSENT: Prospect = { values: [], doubt: null };

function isNothing(value: StaticValue): boolean {
  return value.kind === 'known' && value.value === undefined;
}

const OPEN =
  "is partly made by a spread, which is not read: Better Auth's defaults are assumed for the options that it may set";

/** The reason why a value is not used, as the end of a sentence. */
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
