import type { ExitCode } from '../errors.ts';

/** The meaning of each exit code, in the order in which they are printed. */
export const exitCodeMeanings: Readonly<Record<ExitCode, string>> = {
  0: 'done, including "nothing matched"',
  1: 'failed: something unexpected, or what was asked for does not exist',
  2: 'usage: an unknown option, a bad or empty value, or --yes is needed',
  3: 'the configuration is missing or invalid',
  4: 'a database or Redis cannot be reached, or refuses',
  5: 'the schema is not one that sessionctl can work on',
  6: 'incomplete: a signal or a limit ended it with work left; run it again to continue',
  7: 'refused: more than --max-affected allows, with revoke-all also more than half of all sessions if there are 100 or more, or sessions of another application; nothing was changed',
  8: 'another run holds the lock',
  9: 'survivors: sessions that should be gone still answer',
  130: 'cancelled at a prompt or by a signal before anything was changed',
};

/**
 * The codes with their meanings, in the order in which they are printed.
 * @param own additional meanings in one command
 */
export function exitCodeLines(
  codes: readonly ExitCode[],
  own: Partial<Record<ExitCode, string>> = {},
): readonly (readonly [code: string, meaning: string])[] {
  return [...codes].sort((a, b) => a - b).map((code) => [String(code), own[code] ?? exitCodeMeanings[code]]);
}
