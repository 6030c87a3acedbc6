import { formatDuration } from '../sessions/duration.ts';
import type { CheckedProfile } from './checked-file.ts';
import type { Origin } from './origin.ts';
import type { KeyPath } from './toml-document.ts';
import type { ChosenProfile } from './choose-database.ts';
import type { ProfileDocument } from './profile-document.ts';

/** One setting in a form that is safe to print: secrets are `***`, durations `7d`, null is "not set". */
export interface SettingEntry {
  /** As in the file, below the profile: `session.expires_in`. */
  readonly key: string;
  readonly value: string | number | boolean | null;
  readonly origin: Origin;
}

/** An existing profile without problems, with every variable that the run needs. */
export interface ProfileInUse extends ChosenProfile {
  readonly checked: CheckedProfile;
  readonly document: ProfileDocument;
}

/** Returns values, and records for each its printable form and its origin. */
export interface Ledger {
  readonly entries: readonly SettingEntry[];
  readonly record: (key: string, value: SettingEntry['value'], origin: Origin) => void;
  /** The profile's value or the default; `show` makes its printable form. */
  readonly take: <Value>(
    keys: KeyPath,
    given: Value | undefined,
    fallback: Value,
    show: (value: Value) => SettingEntry['value'],
  ) => Value;
  readonly length: (keys: KeyPath, given: number | undefined, fallback: number) => number;
  readonly placeOf: (keys: KeyPath) => Origin;
}

export function createLedger(profile: ProfileInUse | null): Ledger {
  const entries: SettingEntry[] = [];
  const ledger: Ledger = {
    entries,
    record: (key, value, origin) => entries.push({ key, value, origin }),
    take: (keys, given, fallback, show) => {
      const value = given ?? fallback;
      ledger.record(keys.join('.'), show(value), given === undefined ? defaultOrigin : ledger.placeOf(keys));
      return value;
    },
    length: (keys, given, fallback) => ledger.take(keys, given, fallback, formatDuration),
    placeOf: (keys) => (profile === null ? defaultOrigin : originIn(profile, keys)),
  };
  return ledger;
}

export const asItIs = <Value extends SettingEntry['value']>(value: Value): SettingEntry['value'] => value;

export function originIn({ document, name }: ProfileInUse, keys: KeyPath): Origin {
  const at = ['profiles', name, ...keys];
  const envFile = document.envFileOf(at);
  return {
    kind: 'file',
    path: document.path,
    line: document.lineOf(at),
    ...(envFile === null ? {} : { envFile }),
  };
}

/** `path:line: profiles.<name>.<key>`, the beginning of an error message. */
export function labelOf(keys: KeyPath, profile: ProfileInUse): string {
  const { path, lineOf } = profile.document;
  return `${path}:${String(lineOf(['profiles', profile.name, ...keys]))}: ${['profiles', profile.name, ...keys].join('.')}`;
}

export const defaultOrigin: Origin = { kind: 'default' };
