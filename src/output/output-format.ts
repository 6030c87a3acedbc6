import type { GlobalFlags } from '../flags.ts';
import { UsageError } from '../errors.ts';
import { suggestion } from '../sessions/nearest.ts';
import { mayBeSecret, shownValue } from '../sessions/shown-value.ts';

/** Formats of a command that lists things. */
export const listFormats = ['table', 'json', 'jsonl', 'csv', 'ids', 'count'] as const;
export type ListFormat = (typeof listFormats)[number];
/** Formats of every other command. */
export const reportFormats = ['table', 'json'] as const;

/**
 * The format that `--output` and `--json` ask for; `table` where neither is given.
 * @throws UsageError for a format that the command does not have, or where the two contradict each other
 */
export function chooseFormat<Format extends string>(
  flags: GlobalFlags,
  formats: readonly Format[],
): Format | 'table' {
  const { output } = flags;
  if (flags.json === true && output !== undefined && output !== 'json') {
    throw new UsageError(`--json and --output ${mayBeSecret(output) ? '…' : output} contradict each other`, {
      hint: 'Give one of them.',
    });
  }
  const wanted = flags.json === true ? 'json' : (output ?? 'table');
  const format = formats.find((known) => known === wanted);
  if (format !== undefined) return format;
  throw new UsageError(`--output: ${shownValue(wanted)} is not a format here`, {
    hint: suggestion(wanted, formats),
  });
}
