import type { Command } from 'commander';
import { OfferingOption, once } from '../../command.ts';
import { UsageError } from '../../errors.ts';
import { grouped } from '../../grouped.ts';
import { parseDuration } from '../../sessions/duration.ts';
import { InvalidValueError } from '../../sessions/invalid-value.ts';
import { shownValue } from '../../sessions/shown-value.ts';
import { parseWholeNumber } from '../whole-number.ts';

/** The options of `sweep` as commander parses them. */
export interface SweepFlags {
  readonly grace?: string;
  readonly batchSize?: string;
  readonly pause?: string;
  readonly limit?: string;
  readonly maxRuntime?: string;
  readonly maxLag?: string;
  readonly wait?: string;
  readonly metricsFile?: string;
  readonly verifications?: boolean;
  readonly offline?: boolean;
  readonly vacuum?: boolean;
  readonly dryRun?: boolean;
}

/** What a sweep has to do. Durations are milliseconds; null where an option was not given. */
export interface SweepRequest {
  readonly grace: number | null;
  readonly batchSize: number | null;
  readonly pause: number;
  readonly limit: number | null;
  readonly maxRuntime: number | null;
  /** Null where replicas are not checked. */
  readonly maxLag: number | null;
  readonly wait: number;
  readonly metricsFile: string | null;
  readonly verifications: boolean;
  readonly offline: boolean;
  readonly vacuum: boolean;
  readonly dryRun: boolean;
  /** The options in words, for the history. */
  readonly words: string;
}

export function addSweepOptions(command: Command): Command {
  return command
    .optionsGroup('Which rows')
    .option('--grace <duration>', 'keep expired sessions for <duration> (default: 0s)', once('--grace'))
    .option('--verifications', 'delete expired verification rows too')
    .option('--dry-run', 'count what would be deleted; changes nothing')
    .optionsGroup('Limits')
    .option('--limit <number>', 'delete at most <number> rows', once('--limit'))
    .option('--max-runtime <duration>', 'stop after <duration> in total', once('--max-runtime'))
    .optionsGroup('Pace')
    .option(
      '--batch-size <number>',
      'rows that each batch reads (default: adapts to keep batches short)',
      once('--batch-size'),
    )
    .option('--pause <duration>', 'wait between two batches: 200ms, 1s', once('--pause'))
    .option('--max-lag <duration>', 'pause while a replica is further behind', once('--max-lag'))
    .option('--wait <duration>', 'wait for another sweep to end (default: exit 8 at once)', once('--wait'))
    .optionsGroup('SQLite only')
    .option('--offline', 'delete everything at once, which locks the file')
    .option('--vacuum', 'with --offline: return free space to the file system')
    .optionsGroup('Monitoring')
    .addOption(
      new OfferingOption(
        '--metrics-file <path>',
        'write figures in Prometheus text format',
        'file',
      ).argParser(once('--metrics-file')),
    );
}

/** The most rows that a batch may read: more would hold locks for long. */
const LARGEST_BATCH = 100_000;

/** Options that end a sweep early; the other options that `--offline` cannot follow slow it down. */
const bounding: readonly (keyof SweepFlags)[] = ['limit', 'maxRuntime'];

/** @throws InvalidValueError, UsageError */
export function parseSweep(flags: SweepFlags): SweepRequest {
  const { offline = false, vacuum = false } = flags;
  const paced = (['batchSize', 'pause', 'limit', 'maxRuntime', 'maxLag'] as const).find(
    (name) => flags[name] !== undefined,
  );
  if (offline && paced !== undefined) {
    const use = bounding.includes(paced) ? 'end it before all is gone' : 'slow it down';
    throw new UsageError(`--offline deletes in one go: ${optionOf(paced)} cannot ${use}`, {
      hint: 'Leave one of them out.',
    });
  }
  if (vacuum && !offline)
    throw new UsageError('--vacuum locks the file and needs --offline', { hint: 'Give both, or neither.' });
  const batchSize = number('--batch-size', flags.batchSize);
  if (batchSize !== null && batchSize > LARGEST_BATCH) {
    throw new InvalidValueError(
      `--batch-size: more than ${grouped(LARGEST_BATCH)} rows would hold locks for long`,
      'Remove it: batches adapt to how long they take.',
    );
  }
  return {
    grace: length('--grace', flags.grace),
    batchSize,
    pause: timed('--pause', flags.pause) ?? 0,
    limit: number('--limit', flags.limit),
    maxRuntime: runtime(flags.maxRuntime),
    maxLag: lag(flags.maxLag),
    wait: length('--wait', flags.wait) ?? 0,
    metricsFile: path(flags.metricsFile),
    verifications: flags.verifications === true,
    offline,
    vacuum,
    dryRun: flags.dryRun === true,
    words: inWords(flags),
  };
}

const recorded = ['grace', 'limit', 'maxRuntime', 'verifications', 'offline', 'vacuum'] as const;

function inWords(flags: SweepFlags): string {
  const given = recorded.flatMap((name) => {
    const value = flags[name];
    if (value === undefined || value === false) return [];
    return [value === true ? optionOf(name) : `${optionOf(name)} ${value}`];
  });
  return given.length === 0 ? 'expired' : `expired ${given.join(' ')}`;
}

function optionOf(name: string): string {
  return `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

function number(option: string, text: string | undefined): number | null {
  return text === undefined ? null : parseWholeNumber(option, text, 'rows');
}

function length(option: string, text: string | undefined): number | null {
  if (text === undefined) return null;
  const milliseconds = /^(\d{1,9})ms$/.exec(text)?.[1];
  if (milliseconds !== undefined) return Number(milliseconds);
  try {
    return parseDuration(text);
  } catch (error) {
    if (error instanceof InvalidValueError)
      throw new InvalidValueError(
        `${option}: ${error.message}`,
        'Write a whole number and a unit: 200ms, 90s, 15m, 2h, 7d or 4w.',
      );
    throw error;
  }
}

/** The most milliseconds that a timer of Node.js can hold; a longer one would fire at once. */
const LONGEST_TIMER = 2 ** 31 - 1;

function timed(option: string, text: string | undefined): number | null {
  const milliseconds = length(option, text);
  if (milliseconds !== null && milliseconds > LONGEST_TIMER)
    throw new InvalidValueError(`${option}: ${shownValue(text ?? '')} is longer than 24 days`);
  return milliseconds;
}

function runtime(text: string | undefined): number | null {
  const milliseconds = timed('--max-runtime', text);
  if (milliseconds === 0)
    throw new InvalidValueError(
      '--max-runtime: 0 leaves no time to do anything',
      'Write a duration such as 10m, or leave it out.',
    );
  return milliseconds;
}

/** MySQL and MariaDB report whole seconds. */
function lag(text: string | undefined): number | null {
  const milliseconds = length('--max-lag', text);
  if (milliseconds !== null && milliseconds < 1000)
    throw new InvalidValueError(
      '--max-lag: less than a second cannot be measured',
      'Write 1s or more, such as --max-lag 10s.',
    );
  return milliseconds;
}

function path(text: string | undefined): string | null {
  if (text === undefined) return null;
  if (text.trim() === '') throw new InvalidValueError('--metrics-file was given an empty value');
  return text;
}
