import type { Command } from 'commander';
import { collect, OfferingOption, once } from '../../command.ts';
import { InvalidValueError } from '../../sessions/invalid-value.ts';
import { shownValue } from '../../sessions/shown-value.ts';
import { includable, type Included } from '../../sessions/ways-back.ts';

/** The options that `revoke` and `revoke-all` share, as commander hands them over. */
export interface RevocationFlags {
  readonly yes?: boolean;
  readonly dryRun?: boolean;
  readonly reason?: string;
  readonly include?: readonly string[];
  readonly includeOfflineTokens?: boolean;
  readonly allowMismatch?: boolean;
}

const LONGEST_REASON = 500;

export function addRevocationOptions(command: Command): Command {
  return command
    .optionsGroup('Behaviour')
    .option('--dry-run', 'show the plan and change nothing')
    .option('--reason <text>', 'reason, for the history', once('--reason'))
    .addOption(
      new OfferingOption(
        '--include <kinds>',
        `also end these of the users: ${includable.join(', ')} (repeatable, or with commas)`,
        includable,
      ).argParser(collect),
    )
    .option('--include-offline-tokens', 'the same as --include offline-tokens')
    .optionsGroup('Guards')
    .option('--yes', 'do not ask')
    .option('--allow-mismatch', 'continue even if Redis does not hold what the profile says');
}

/** The options that change what is done, as they would be typed. */
export function revocationOptionsInWords({
  include,
  includeOfflineTokens,
  allowMismatch,
}: RevocationFlags): readonly string[] {
  return [
    ...(include === undefined ? [] : [`--include ${include.join(',')}`]),
    ...(includeOfflineTokens === true ? ['--include-offline-tokens'] : []),
    ...(allowMismatch === true ? ['--allow-mismatch'] : []),
  ];
}

/** What is ended besides the sessions. @throws InvalidValueError for an unknown kind */
export function parseIncluded({
  include = [],
  includeOfflineTokens,
}: Pick<RevocationFlags, 'include' | 'includeOfflineTokens'>): ReadonlySet<Included> {
  const kinds: readonly string[] = includable;
  const given = include.flatMap((text) => text.split(',')).map((text) => text.trim());
  const unknown = given.find((kind) => !kinds.includes(kind));
  if (unknown !== undefined) {
    throw new InvalidValueError(
      `--include: ${shownValue(unknown)} is not a kind that can be ended`,
      `Give any of ${kinds.join(', ')}.`,
    );
  }
  return new Set([
    ...(given as Included[]),
    ...(includeOfflineTokens === true ? ['offline-tokens' as const] : []),
  ]);
}

/** @throws InvalidValueError for an empty reason, or one that is a document */
export function parseReason(text: string | undefined): string | null {
  if (text === undefined) return null;
  if (text.trim() === '') throw new InvalidValueError('--reason was given an empty value');
  if (text.length > LONGEST_REASON)
    throw new InvalidValueError(`--reason is longer than ${String(LONGEST_REASON)} characters`);
  return text;
}
