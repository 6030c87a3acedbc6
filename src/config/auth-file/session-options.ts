import { ipv6Subnets } from '../../sessions/address.ts';
import { cacheStrategies } from '../../sessions/cached-copy.ts';
import { formatDuration } from '../../sessions/duration.ts';
import { escapeReferences } from '../references.ts';
import { whyNot, type Doubt, type OptionReader } from './option-reader.ts';
import type { StaticValue } from './static-value.ts';

/** Takes a setting. An assumed value is also noted, so that the reader of the file sees it. */
export type Set = (
  key: string,
  value: string | number | boolean,
  option: string,
  line: number,
  certainty?: 'assumed',
) => void;

const SWITCHES = [
  ['session.disableSessionRefresh', 'session.disable_refresh'],
  ['session.deferSessionRefresh', 'session.defer_refresh'],
  ['session.storeSessionInDatabase', 'session.store_in_database'],
  ['session.preserveSessionInDatabase', 'session.preserve_in_database'],
] as const;

/** Better Auth's durations are in seconds. `shortest` is the minimum that a profile accepts. */
const LENGTHS = [
  { option: 'session.expiresIn', key: 'session.expires_in', shortest: 1 },
  { option: 'session.updateAge', key: 'session.update_age', shortest: 0 },
  { option: 'session.freshAge', key: 'session.fresh_age', shortest: 0 },
] as const;

const ENABLED = 'session.cookieCache.enabled';
const VERSION = 'session.cookieCache.version';
const STRATEGY = 'session.cookieCache.strategy';
const MAX_AGE = 'session.cookieCache.maxAge';
const STRATEGY_KEY = 'session.cookie_cache.strategy';
const ENABLED_KEY = 'session.cookie_cache.enabled';
const MAX_AGE_KEY = 'session.cookie_cache.max_age';
/** Better Auth's own default, in seconds. */
const DEFAULT_MAX_AGE = 300;

/** Reads the options of `session` that have a setting, except for names. */
export function readSessionOptions(read: OptionReader, set: Set): void {
  for (const { option, key, shortest } of LENGTHS) {
    const length = (value: StaticValue) => lengthOf(value, shortest);
    const found = read.prospect(option);
    const likely = found.doubt === null ? undefined : only(found.values, length);
    if (found.doubt !== null && likely !== undefined) assume(read, set, key, option, found.doubt, likely);
    else readLength(read, set, option, key, shortest);
  }
  readCookieCache(read, set);
  for (const [option, key] of SWITCHES) readLikely(read, set, option, key, 'boolean');
  const { values, doubt } = read.prospect(VERSION);
  // A doubt about the whole cache has already been noted for its switch.
  if (values.length > 0 || doubt?.option !== 'session.cookieCache')
    readLikely(read, set, VERSION, 'session.cookie_cache.version', 'text');
  readStrategy(read, set);
}

/** Takes a literal value even if an unread value may replace it: it is more likely than a default. */
export function readLikely(
  read: OptionReader,
  set: Set,
  option: string,
  key: string,
  kind: 'boolean' | 'text',
): void {
  const { values, doubt } = read.prospect(option);
  const likely = doubt === null ? undefined : only(values, (value) => plainOf(value, kind));
  if (doubt !== null && likely !== undefined) {
    assume(read, set, key, option, doubt, { written: likely.text, ...likely });
    return;
  }
  const plain = read[kind](option);
  if (plain === undefined || plain.value === '') return;
  const value = typeof plain.value === 'string' ? escapeReferences(plain.value) : plain.value;
  set(key, value, option, plain.line);
}

/**
 * The same for a reference to a variable.
 * @returns whether there was a doubt to be weighed, and one variable
 */
export function assumeReference(read: OptionReader, set: Set, option: string, key: string): boolean {
  const { values, doubt } = read.prospect(option);
  if (doubt === null) return false;
  const text = only(values, (value) => (value.kind === 'reference' ? value.text : undefined));
  if (text === undefined) return false;
  assume(read, set, key, option, doubt, { written: text, text: 'that', value: text });
  return true;
}

const SUBNET = 'advanced.ipAddress.ipv6Subnet';
const SUBNET_KEY = 'ip.ipv6_subnet';

/** Reads how many bits of an IPv6 address are stored. */
export function readIpv6Subnet(read: OptionReader, set: Set): void {
  const { values, doubt } = read.prospect(SUBNET);
  const likely = doubt === null ? undefined : only(values, subnetOf);
  if (doubt !== null && likely !== undefined) {
    assume(read, set, SUBNET_KEY, SUBNET, doubt, likely);
    return;
  }
  const given = read.number(SUBNET);
  if (given === undefined) return;
  const { value, line } = given;
  if (ipv6Subnets.some((bits) => bits === value)) set(SUBNET_KEY, value, SUBNET, line);
  else read.note(SUBNET, line, `is ${String(value)}, which is none of ${ipv6Subnets.join(', ')}`);
}

function subnetOf(value: StaticValue): Likely | undefined {
  if (value.kind !== 'known') return undefined;
  const bits = ipv6Subnets.find((known) => known === value.value);
  return bits === undefined ? undefined : { written: String(bits), text: String(bits), value: bits };
}

function plainOf(value: StaticValue, kind: 'boolean' | 'text'): Omit<Likely, 'written'> | undefined {
  if (value.kind !== 'known') return undefined;
  const { value: plain } = value;
  if (kind === 'boolean')
    return typeof plain === 'boolean' ? { text: String(plain), value: plain } : undefined;
  if (typeof plain !== 'string' || plain === '') return undefined;
  return { text: JSON.stringify(plain), value: escapeReferences(plain) };
}

interface Likely {
  /** As the application has it. */
  readonly written: string;
  /** As sessionctl takes it. */
  readonly text: string;
  readonly value: string | number | boolean;
}

function assume(
  read: OptionReader,
  set: Set,
  key: string,
  option: string,
  doubt: Doubt,
  { written, text, value }: Likely,
): void {
  const whole = doubt.option === option ? '' : `${doubt.option} `;
  read.note(option, doubt.line, `is ${written} here, but ${whole}${doubt.why}: ${text} is assumed`);
  set(key, value, option, doubt.line, 'assumed');
}

/** The one known value, or none. */
function only<Result>(
  values: readonly StaticValue[],
  pick: (value: StaticValue) => Result | undefined,
): Result | undefined {
  const [first] = values;
  return values.length === 1 && first !== undefined ? pick(first) : undefined;
}

function lengthOf(value: StaticValue, shortest: number): Likely | undefined {
  const seconds = secondsOf(value, shortest);
  if (seconds === undefined) return undefined;
  const text = formatDuration(seconds * 1000);
  return { written: String(seconds), text, value: text };
}

function secondsOf(value: StaticValue, shortest: number): number | undefined {
  if (value.kind !== 'known' || typeof value.value !== 'number') return undefined;
  return isLength(value.value, shortest) ? value.value : undefined;
}

function isLength(seconds: number, shortest: number): boolean {
  return Number.isSafeInteger(seconds) && seconds >= shortest;
}

function readLength(read: OptionReader, set: Set, option: string, key: string, shortest: number): void {
  const length = read.number(option);
  if (length === undefined) return;
  const { value, line } = length;
  if (isLength(value, shortest)) set(key, formatDuration(value * 1000), option, line);
  else
    read.note(
      option,
      line,
      `is ${String(value)}, which is not a whole number of seconds of at least ${String(shortest)}`,
    );
}

/**
 * If it is not known whether there is a cache, one is assumed: otherwise a revocation would be reported as effective at
 * once while browsers still use a copy. For the same reason the longest possible duration counts.
 */
function readCookieCache(read: OptionReader, set: Set): void {
  const { values, doubt } = read.prospect(ENABLED);
  const [value] = values;
  const isCertain = doubt === null && (value === undefined || value.kind === 'known');
  // Better Auth checks only whether the value is truthy.
  const isOn = !isCertain || (value?.kind === 'known' && Boolean(value.value));
  const age = isOn ? doubtfulAge(read) : null;
  const told = age === null ? '' : ` for ${age.text} (set max_age if it may be longer)`;
  if (!isCertain) {
    const line = doubt?.line ?? value?.line ?? 1;
    const why = value === undefined || doubt !== null ? whyDoubted(ENABLED, doubt) : whyNot(value, 'switch');
    read.note(
      ENABLED,
      line,
      `${why}: assumed to be on${told}, so that a revocation is not reported as effective while browsers still use a copy`,
    );
    set(ENABLED_KEY, true, ENABLED, line, 'assumed');
  } else if (value !== undefined) {
    set(ENABLED_KEY, isOn, ENABLED, value.line);
    if (age !== null) read.note(MAX_AGE, age.line, `${age.why}: the cookie cache is assumed to last${told}`);
  }
  if (age === null) readLength(read, set, MAX_AGE, MAX_AGE_KEY, 1);
  else set(MAX_AGE_KEY, age.text, MAX_AGE, age.line, 'assumed');
}

/**
 * If it is not known, the strategy with the longest life of copies counts: a revocation must not be reported as
 * effective too early.
 */
function readStrategy(read: OptionReader, set: Set): void {
  const { values, doubt } = read.prospect(STRATEGY);
  const [value] = values;
  // A doubt about the whole cache has already been noted for its switch.
  if (value === undefined && doubt?.option !== STRATEGY) return;
  const known = value?.kind === 'known' ? cacheStrategies.find((one) => one === value.value) : undefined;
  if (doubt === null && known !== undefined) {
    set(STRATEGY_KEY, known, STRATEGY, value?.line ?? 1);
    return;
  }
  const line = doubt?.line ?? value?.line ?? 1;
  const why = doubt === null && value !== undefined ? whyNot(value, 'text') : whyDoubted(STRATEGY, doubt);
  read.note(STRATEGY, line, `${why}: "jwt" is assumed, whose copies may stay valid longer`);
  set(STRATEGY_KEY, 'jwt', STRATEGY, line, 'assumed');
}

function whyDoubted(option: string, doubt: Doubt | null): string {
  if (doubt === null) return 'is not known';
  return doubt.option === option ? doubt.why : `is not known, since ${doubt.option} ${doubt.why}`;
}

/** The longest possible duration of the cache; null where it is certain, even as Better Auth's default. */
function doubtfulAge(
  read: OptionReader,
): { readonly text: string; readonly line: number; readonly why: string } | null {
  const { values, doubt } = read.prospect(MAX_AGE);
  const [value] = values;
  const known = values.flatMap((one) => secondsOf(one, 1) ?? []);
  if (doubt === null && (value === undefined || known.length > 0)) return null;
  return {
    text: formatDuration(Math.max(...known, DEFAULT_MAX_AGE) * 1000),
    line: doubt?.line ?? value?.line ?? 1,
    why:
      value === undefined || doubt !== null ? whyDoubted(MAX_AGE, doubt) : whyNot(value, 'number of seconds'),
  };
}
