import { OfferingOption, defineCommand, once } from '../command.ts';
import type { Context } from '../context.ts';
import { UsageError } from '../errors.ts';
import { chooseFormat, listFormats, type ListFormat } from '../output/output-format.ts';
import { counted } from '../output/counted.ts';
import { sessionPrinters } from '../output/session-printers.ts';
import { InvalidValueError } from '../sessions/invalid-value.ts';
import { suggestion } from '../sessions/nearest.ts';
import { noteDoubts } from './address-notes.ts';
import type { Selection, SelectionRequest } from '../sessions/selection.ts';
import { resolveSelection } from '../sessions/resolve-selection.ts';
import { parseSelection } from '../sessions/parse-selection.ts';
import type { SessionStore } from '../sessions/session-store.ts';
import { sortFields, type SortOrder } from '../sessions/reading-store.ts';
import type { Session } from '../sessions/session.ts';
import { emailsOf } from './emails-of.ts';
import { addSelectionOptions, type SelectionFlags } from './selection-options.ts';
import { noteUnreadable } from './note-unreadable.ts';
import { parseWholeNumber } from './whole-number.ts';
import { shownValue } from '../sessions/shown-value.ts';
import { failForUnreadableKeys } from './unreadable-keys.ts';
import { warnOfMismatch } from './warn-of-mismatch.ts';
import { parseInterval, watchSessions } from './watch/watch-sessions.ts';
import type { WatchOptions } from './watch/watch-look.ts';

interface ListFlags extends SelectionFlags {
  readonly limit?: string;
  readonly sort?: string;
  readonly wide?: boolean;
  readonly watch?: string | true;
}

const DEFAULT_TABLE_LIMIT = 100;
const sortDirections = ['asc', 'desc'] as const;
const sortChoices = [
  ...sortFields.flatMap((field) => [field, ...sortDirections.map((direction) => `${field}:${direction}`)]),
  'none',
];
const NEWEST_ACTIVITY_FIRST: SortOrder = { field: 'lastActiveAt', direction: 'desc' };

export const list = defineCommand<ListFlags>({
  formats: listFormats,
  exitCodes: [0, 1, 2, 3, 4, 5, 6, 130],
  examples: [
    ['sessionctl list', 'Show all active sessions, newest activity first'],
    ['sessionctl list --user ada@example.com --state all', 'Show all sessions of one user, expired ones too'],
    [
      'sessionctl list --ip 203.0.113.0/24 --created-after 2d',
      'Show the sign-ins of the last two days from one network',
    ],
    [
      'sessionctl list --idle-since 30d -o csv > idle.csv',
      'Export sessions not used for thirty days to a spreadsheet',
    ],
    ['sessionctl list --ip 203.0.113.0/24 -o count', 'Print how many sessions a network has'],
    ['sessionctl list --ip 203.0.113.0/24 --watch', 'Follow sessions of one network as they come and go'],
  ],
  configure: (command) =>
    addSelectionOptions(command, 'active')
      .optionsGroup('Output')
      .option(
        '--limit <number>',
        'show at most <number> sessions (default: 100 in a table, otherwise all)',
        once('--limit'),
      )
      .addOption(
        new OfferingOption(
          '--sort <field[:asc|desc]>',
          `sort by ${sortFields.join(', ')}; none is fastest (default: lastActiveAt:desc)`,
          sortChoices,
        ).argParser(once('--sort')),
      )
      .option('--wide', 'add the whole user agent, and cut nothing to the width of the terminal')
      .option(
        '--watch [interval]',
        'update every 2s, or every <interval> (10s, 1m), and show which sessions came, went and changed; JSON lines if stdout is not a terminal',
        once('--watch'),
      ),
  run: async (context, flags) => {
    const format = chooseFormat(flags, listFormats);
    const request = parseSelection(flags, 'active');
    const sort = flags.sort === undefined ? NEWEST_ACTIVITY_FIRST : parseSort(flags.sort);
    const limit =
      flags.limit === undefined ? undefined : parseWholeNumber('--limit', flags.limit, 'sessions');
    if (flags.watch !== undefined) {
      await watch(context, flags, request, {
        words: flags,
        sort,
        limit,
        interval: parseInterval(flags.watch),
        format,
      });
      return 0;
    }
    if (format === 'count' && limit !== undefined)
      throw new UsageError('--limit and -o count cannot be combined: a count is of all sessions that match', {
        hint: 'Remove --limit.',
      });
    const { ipv6Subnet } = (await context.settings()).ip;
    await context.withStore('read', async (store) => {
      const selection = await resolveSelection(request, store, ipv6Subnet);
      store.requireColumns(selection, format === 'count' ? null : (sort?.field ?? null));
      if (format === 'count') {
        const count = await store.count(selection);
        await context.print(`${String(count)}\n`);
        if (count === 0) await warnOfMismatch(context, store);
        await noteUnreadable(context, store, selection, 0);
      } else if (format === 'table') {
        await printTable(context, store, selection, {
          sort,
          limit: limit ?? DEFAULT_TABLE_LIMIT,
          wide: flags.wide === true,
        });
      } else {
        const print = await sessionPrinters[format]();
        const counting = countingOf(store.list(selection, { sort, limit }));
        await print(counting.chunks, (text) => {
          context.system.signal.throwIfAborted();
          return context.print(text);
        });
        if (counting.count() === 0) await warnOfMismatch(context, store);
        await noteUnreadable(context, store, selection, counting.unreadable());
      }
      await noteDoubts(context, store, selection, flags);
      for (const caution of store.cautions) await context.note(`note: ${caution}`);
      failForUnreadableKeys(store.unreadable());
    });
    return 0;
  },
});

/** @throws UsageError where the options cannot be combined with `--watch` */
async function watch(
  context: Context,
  { wide }: ListFlags,
  request: SelectionRequest,
  { format, ...options }: Omit<WatchOptions, 'format'> & { readonly format: ListFormat },
): Promise<void> {
  if (format !== 'table' && format !== 'json' && format !== 'jsonl') {
    throw new UsageError(`--watch reports changes, which ${format} cannot hold`, {
      hint: 'On a terminal it draws a table; -o jsonl prints an object for each change.',
    });
  }
  const onScreen = format === 'table' && context.stdout.terminal.interactive;
  if (wide === true) {
    throw new UsageError('--wide and --watch cannot be combined: the table has to fit the screen', {
      hint: 'Use JSON lines (-o jsonl) for the whole user agent.',
    });
  }
  if (!onScreen && options.limit !== undefined) {
    throw new UsageError(
      '--limit only works on a screen: JSON lines report changes of every session that matches',
      {
        hint: 'Narrow the selection instead.',
      },
    );
  }
  await watchSessions(context, request, { ...options, format: onScreen ? 'screen' : 'jsonl' });
}

/** The same sessions, with how many have passed so far, and how many of those have a time that cannot be read. */
function countingOf(sessions: AsyncIterable<readonly Session[]>) {
  let count = 0;
  let unreadable = 0;
  async function* passing(): AsyncGenerator<readonly Session[]> {
    for await (const chunk of sessions) {
      count += chunk.length;
      unreadable += chunk.filter(({ unreadableTimes }) => unreadableTimes !== undefined).length;
      yield chunk;
    }
  }
  return { chunks: passing(), count: () => count, unreadable: () => unreadable };
}

/** @throws InvalidValueError */
function parseSort(text: string): SortOrder | null {
  const [name = '', direction, ...rest] = text.split(':');
  if (text === 'none') return null;
  const field = sortFields.find((known) => known === name);
  if (field === undefined) {
    throw new InvalidValueError(
      `--sort: ${shownValue(name)} is not a field`,
      suggestion(name, [...sortFields, 'none']),
    );
  }
  if (direction === undefined) return { field, direction: field.endsWith('At') ? 'desc' : 'asc' };
  if ((direction !== 'asc' && direction !== 'desc') || rest.length > 0) {
    const typed = [direction, ...rest].join(':');
    throw new InvalidValueError(
      `--sort: ${shownValue(typed)} is not a direction`,
      suggestion(typed, sortDirections),
    );
  }
  return { field, direction };
}

async function printTable(
  context: Context,
  store: SessionStore,
  selection: Selection,
  options: { readonly sort: SortOrder | null; readonly limit: number; readonly wide: boolean },
): Promise<void> {
  const { sort, limit, wide } = options;
  const sessions: Session[] = [];
  for await (const chunk of store.list(selection, { sort, limit })) sessions.push(...chunk);
  const kind = selection.state === 'all' ? 'session' : `${selection.state} session`;
  if (sessions.length === 0) {
    const wayOut = selection.state === 'active' ? ' (expired ones need --state all)' : '';
    await context.note(`No ${kind}s match${wayOut}.`);
    await warnOfMismatch(context, store);
    await noteUnreadable(context, store, selection, 0);
    return;
  }
  const { sessionTable, showsImpersonator } = await import('../output/session-table.ts');
  const impersonators = showsImpersonator(sessions, wide, context.stdout.terminal)
    ? sessions.map(({ impersonatedBy }) => impersonatedBy)
    : [];
  const emails = await emailsOf(impersonators, store);
  const { text, leftOut } = sessionTable(sessions, { now: store.now, wide, emails, ...context.stdout });
  await context.print(text);

  const users = new Set(sessions.map(({ userId }) => userId)).size;
  const all = sessions.length < limit ? sessions.length : await store.count(selection);
  const clock = `by the database's clock ${store.now}`;
  if (all > sessions.length) {
    const more = counted(all - sessions.length, `more ${kind}`);
    await context.note(
      `The first${sessions.length === 1 ? '' : ` ${String(sessions.length)}`} of ${counted(all, kind)}, ${clock}`,
    );
    await context.note(`${more}: --limit ${String(all)} shows all, -o jsonl streams them.`);
  } else {
    await context.note(`${counted(all, kind)} of ${counted(users, 'user')}, ${clock}`);
  }
  const unreadable = sessions.filter(({ unreadableTimes }) => unreadableTimes !== undefined).length;
  await noteUnreadable(context, store, selection, unreadable);
  if (leftOut.length > 0)
    await context.note(`Hidden: too narrow for ${leftOut.join(', ')} (--wide shows all columns).`);
}
