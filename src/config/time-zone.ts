import { ConfigError } from '../errors.ts';
import { InvalidValueError } from '../sessions/invalid-value.ts';
import { shownValue } from '../sessions/shown-value.ts';
import type { System } from '../system.ts';
import { nearest } from '../sessions/nearest.ts';
import { environmentOf } from './environment.ts';
import type { Origin } from './origin.ts';
import type { SettingsFlags } from './settings.ts';

const OFFSET = /^([+-])(0\d|1[0-4]):?([0-5]\d)$/;

/**
 * The time zone for this run, in any profile: `--time-zone`, else `SESSIONCTL_TIME_ZONE`.
 * @throws InvalidValueError where the flag is not a time zone
 * @throws ConfigError where the variable is not a time zone
 */
export function timeZoneForRun(
  flags: SettingsFlags,
  env: System['env'],
): { readonly zone: string; readonly origin: Origin } | undefined {
  const variable = environmentOf(env)('SESSIONCTL_TIME_ZONE');
  const [given, origin] =
    flags.timeZone === undefined
      ? [variable, { kind: 'variable', name: 'SESSIONCTL_TIME_ZONE' } as const]
      : [flags.timeZone, { kind: 'flag', name: '--time-zone' } as const];
  if (given === undefined) return undefined;
  try {
    return { zone: parseTimeZone(given), origin };
  } catch (error) {
    if (!(error instanceof InvalidValueError)) throw error;
    const message = `${origin.name}: ${error.message}`;
    if (origin.kind === 'flag') throw new InvalidValueError(message, error.hint);
    throw new ConfigError(message, { hint: error.hint, cause: error });
  }
}

/**
 * Reads a time zone: an IANA name (`Europe/Berlin`), `UTC`, `Z`, or an offset (`+05:30`, `-0800`).
 * @returns the name as it was given, `UTC`, or `±hh:mm`
 * @throws InvalidValueError for anything else, with the nearest name
 */
export function parseTimeZone(text: string): string {
  if (/^(?:z|utc)$/i.test(text)) return 'UTC';
  const [, sign, hours, minutes] = OFFSET.exec(text) ?? [];
  if (sign !== undefined) return `${sign}${hours ?? ''}:${minutes ?? ''}`;
  // Intl accepts `+5` and similar texts in some versions of Node and not in others, so it is asked only about names.
  if (/^[a-z]/i.test(text) && isKnownToIntl(text)) return text;
  const near = nearest(text, Intl.supportedValuesOf('timeZone'));
  throw new InvalidValueError(
    `${shownValue(text)} is not a time zone`,
    near === undefined
      ? 'Write an IANA name or an offset: UTC, Europe/Berlin, +05:30.'
      : `Did you mean ${JSON.stringify(near)}?`,
  );
}

function isKnownToIntl(name: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone !== '';
  } catch {
    return false;
  }
}
