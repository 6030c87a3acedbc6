import type { Environment } from './environment.ts';
import type { Origin } from './origin.ts';
import type { SettingsFlags } from './settings.ts';

export interface ChosenProfile {
  readonly name: string;
  readonly origin: Origin;
}

/** The source of the database, and the profile for the other settings. */
export type DatabaseChoice =
  | {
      readonly kind: 'url';
      readonly url: string;
      readonly origin: Origin;
      readonly profile: ChosenProfile | null;
    }
  | { readonly kind: 'profile'; readonly profile: ChosenProfile }
  /** `DATABASE_URL` replaces the file's preferred profile, if it has one. */
  | {
      readonly kind: 'ambient';
      readonly url: string;
      readonly origin: Origin;
      readonly displaced: string | null;
    }
  | { readonly kind: 'none' };

/** The facts about a configuration file that the choice needs. */
export interface PreferredProfile extends ChosenProfile {
  /** The profile's `url` is exactly `${DATABASE_URL}`: it means the variable itself. */
  readonly isAmbientUrl: boolean;
}

/**
 * Decides which database a run works on. The first that applies: `--url`; the profile that `--profile` names;
 * `SESSIONCTL_DATABASE_URL`; the profile that `SESSIONCTL_PROFILE` names; the default or only profile of a file that
 * `--config` or `SESSIONCTL_CONFIG` names; `DATABASE_URL`; the default or only profile of a file that was found.
 * A database given by its URL takes the other settings (time zone, schema, Redis, session, TLS, auth) of a profile only
 * if `--profile` or `SESSIONCTL_PROFILE` names one as well: with the default profile's Redis, a revocation on a copy of
 * the database would end sessions in production. Many shells set `DATABASE_URL` for other programs, so it comes last
 * among the variables, never replaces a file that is named, and is announced when it replaces a profile.
 */
export function chooseDatabase(
  flags: SettingsFlags,
  env: Environment,
  preferred: PreferredProfile | null,
): DatabaseChoice {
  const named = namedProfile(flags, env);
  if (flags.url !== undefined) {
    return { kind: 'url', url: flags.url, origin: { kind: 'flag', name: '--url' }, profile: named };
  }
  if (flags.profile !== undefined && named !== null) return { kind: 'profile', profile: named };
  const url = env('SESSIONCTL_DATABASE_URL');
  if (url !== undefined) {
    return {
      kind: 'url',
      url,
      origin: { kind: 'variable', name: 'SESSIONCTL_DATABASE_URL' },
      profile: named,
    };
  }
  if (named !== null) return { kind: 'profile', profile: named };
  const isFileNamed = flags.config !== undefined || env('SESSIONCTL_CONFIG') !== undefined;
  const ambient = env('DATABASE_URL');
  if (ambient !== undefined && preferred?.isAmbientUrl !== true && !isFileNamed) {
    const origin: Origin = { kind: 'variable', name: 'DATABASE_URL' };
    return { kind: 'ambient', url: ambient, origin, displaced: preferred?.name ?? null };
  }
  return preferred === null ? { kind: 'none' } : { kind: 'profile', profile: preferred };
}

/** Whether the choice can depend on a configuration file at all: a URL alone needs none, not even a valid one. */
export function needsFile(flags: SettingsFlags, env: Environment): boolean {
  return (
    namedProfile(flags, env) !== null ||
    (flags.url === undefined && env('SESSIONCTL_DATABASE_URL') === undefined)
  );
}

function namedProfile(flags: SettingsFlags, env: Environment): ChosenProfile | null {
  if (flags.profile !== undefined)
    return { name: flags.profile, origin: { kind: 'flag', name: '--profile' } };
  const name = env('SESSIONCTL_PROFILE');
  return name === undefined ? null : { name, origin: { kind: 'variable', name: 'SESSIONCTL_PROFILE' } };
}
