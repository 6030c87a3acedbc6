import type { Command } from 'commander';
import { once } from '../command.ts';
import { InvalidValueError } from '../sessions/invalid-value.ts';

/** The options that `revoke` and `revoke-all` share, as commander hands them over. */
export interface RevocationFlags {
  readonly yes?: boolean;
  readonly dryRun?: boolean;
  readonly reason?: string;
  readonly includeOfflineTokens?: boolean;
  readonly allowMismatch?: boolean;
}

const LONGEST_REASON = 500;

export function addRevocationOptions(command: Command): Command {
  return command
    .optionsGroup('What is done')
    .option('--dry-run', 'show the plan and change nothing')
    .option('--reason <text>', 'why, for the history', once('--reason'))
    .option('--include-offline-tokens', 'revoke OAuth refresh tokens with offline_access too')
    .optionsGroup('Guards')
    .option('--yes', 'do not ask')
    .option('--allow-mismatch', 'continue where Redis does not hold what the profile says');
}

/** Those of the options that change what is done, as they would be typed. */
export function revocationOptionsInWords({
  includeOfflineTokens,
  allowMismatch,
}: RevocationFlags): readonly string[] {
  return [
    ...(includeOfflineTokens === true ? ['--include-offline-tokens'] : []),
    ...(allowMismatch === true ? ['--allow-mismatch'] : []),
  ];
}

/** @throws InvalidValueError for an empty reason, or one that is a document */
export function parseReason(text: string | undefined): string | null {
  if (text === undefined) return null;
  if (text.trim() === '') throw new InvalidValueError('--reason was given an empty value');
  if (text.length > LONGEST_REASON)
    throw new InvalidValueError(`--reason is longer than ${String(LONGEST_REASON)} characters`);
  return text;
}
