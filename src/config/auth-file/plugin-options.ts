import { formatDuration, isDuration } from '../../sessions/duration.ts';
import { createOptionReader, whyNot, type OptionReader } from './option-reader.ts';
import type { Set } from './session-options.ts';
import type { StaticValue } from './static-value.ts';

/** Reads the settings of plugins that concern sessions. */
export function readPlugins(read: OptionReader, set: Set): void {
  for (const plugin of read.array('plugins')?.items ?? []) {
    if (plugin.kind === 'unknown') read.note('plugins', plugin.line, plugin.why);
    if (plugin.kind === 'call' && plugin.name === 'multiSession') noteMaximum(read, plugin.args[0]);
    if (plugin.kind === 'call' && plugin.name === 'jwt') readJwtLife(read, set, plugin.args[0]);
    if (plugin.kind === 'call' && plugin.name === 'apiKey') noteApiKeyStorage(read, plugin.args[0]);
  }
}

/** The plugin takes one configuration, or several. */
function noteApiKeyStorage(read: OptionReader, options: StaticValue | undefined): void {
  for (const one of options?.kind === 'array' ? options.items : [options]) {
    const storage = one?.kind === 'object' ? one.entries.get('customStorage') : undefined;
    if (storage !== undefined)
      read.note(
        'apiKey.customStorage',
        storage.line,
        'is not read: API keys in it are neither counted nor disabled',
      );
  }
}

const JWT_LIFE = 'jwt.expirationTime';
const SET_IT = 'set jwt_expires_in in the auth section of the profile';

/** Reads the lifetime of the JWT plugin's tokens. */
function readJwtLife(read: OptionReader, set: Set, options: StaticValue | undefined): void {
  if (options === undefined) return;
  if (options.kind !== 'object') {
    read.note(JWT_LIFE, options.line, `is not known, since the options of jwt() cannot be read: ${SET_IT}`);
    return;
  }
  const { prospect } = createOptionReader(options);
  const [payload] = prospect('jwt.definePayload').values;
  if (payload !== undefined)
    read.note('jwt.definePayload', payload.line, `is not run: if it sets exp, ${SET_IT}`);
  const { values, doubt } = prospect(JWT_LIFE);
  const [life] = values;
  if (doubt !== null) read.note(JWT_LIFE, doubt.line, `${doubt.why}: ${SET_IT}`);
  else if (life !== undefined) {
    const { length, why } = lengthOfLife(life);
    if (length === null) read.note(JWT_LIFE, life.line, why);
    else set('auth.jwt_expires_in', length, JWT_LIFE, life.line);
  }
}

type Life = { readonly length: string; readonly why: null } | { readonly length: null; readonly why: string };

function lengthOfLife(life: StaticValue): Life {
  const none = (why: string) => ({ length: null, why });
  if (life.kind !== 'known') return none(`${whyNot(life, 'text')}: ${SET_IT}`);
  const written = JSON.stringify(life.value);
  if (typeof life.value === 'number')
    return none(`is ${written}: for Better Auth a moment in seconds since 1970, at which all tokens expire`);
  const seconds = secondsIn(String(life.value));
  if (seconds === null) return none(`is ${written}, which Better Auth does not read as a time`);
  if (seconds <= 0) return none(`is ${written}: tokens have expired when they are issued`);
  const length = formatDuration(seconds * 1000);
  return isDuration(length) ? { length, why: null } : none(`is ${written}, which is too long for a profile`);
}

const DAY = 86_400;
/** The beginning of each unit, and its length in seconds. The first that fits counts. */
const UNITS = [
  ['s', 1],
  ['mo', 30 * DAY],
  ['m', 60],
  ['h', 3600],
  ['d', DAY],
  ['w', 7 * DAY],
  ['y', 365.25 * DAY],
] as const;
/** The form of a time as text (better-auth 1.7.25, `utils/time`). */
const TIME =
  /^(\+|-)? ?(\d+|\d+\.\d+) ?(seconds?|secs?|s|minutes?|mins?|m|hours?|hrs?|h|days?|d|weeks?|w|months?|mo|years?|yrs?|y)(?: (ago|from now))?$/i;

/** Reads `15m`, `2 days` or `1.5 hours` like Better Auth; null for anything else. */
function secondsIn(text: string): number | null {
  const [, sign, number = '', unit = '', direction] = TIME.exec(text) ?? [];
  const found = UNITS.find(([beginning]) => unit.toLowerCase().startsWith(beginning));
  if (found === undefined || (sign !== undefined && direction !== undefined)) return null;
  const seconds = Math.round(Number(number) * found[1]);
  return sign === '-' || direction?.toLowerCase() === 'ago' ? -seconds : seconds;
}

/** It applies to one browser. As `maximum_sessions` it would make `limit` end the sessions of every other browser. */
function noteMaximum(read: OptionReader, options: StaticValue | undefined): void {
  const maximum = options?.kind === 'object' ? options.entries.get('maximumSessions') : undefined;
  if (maximum?.kind !== 'known' || typeof maximum.value !== 'number') return;
  read.note(
    'multiSession.maximumSessions',
    maximum.line,
    `is ${String(maximum.value)} in one browser; set maximum_sessions = ${String(maximum.value)} only where a user may have no more in all`,
  );
}
