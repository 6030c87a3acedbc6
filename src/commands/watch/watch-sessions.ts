import { setTimeout as wait } from 'node:timers/promises';
import type { Context } from '../../context.ts';
import { ConnectionError } from '../../errors.ts';
import type { SessionChange } from '../../output/session-change.ts';
import { judgeTerminal } from '../../output/styles.ts';
import type { WatchTally, WatchView, WatchedSession } from '../../output/watch-frame.ts';
import { isDuration, parseDuration } from '../../sessions/duration.ts';
import { InvalidValueError } from '../../sessions/invalid-value.ts';
import { type SelectionRequest } from '../../sessions/selection.ts';
import type { Session } from '../../sessions/session.ts';
import { shownValue } from '../../sessions/shown-value.ts';
import { lookAgain, present, type Look, type WatchOptions } from './watch-look.ts';

const USUAL_INTERVAL = 2000;
const SHORTEST_INTERVAL = 1000;
/** The most milliseconds between two checks while the database does not answer. */
const LONGEST_PAUSE = 30_000;
/** Milliseconds after which a check that is still running is reported. */
const PATIENCE = 3000;
/** Milliseconds for which a change stays marked on the screen, so that a person who looks up sees it. */
const MARKED = 10_000;
/** q, Ctrl-C and Ctrl-D. */
const ENDING_KEYS = ['q', 'Q', '\u0003', '\u0004'];

/** @param text seconds, or a duration; true where the option has no value. @throws InvalidValueError */
export function parseInterval(text: string | true): number {
  if (text === true) return USUAL_INTERVAL;
  const interval = /^\d{1,5}$/.test(text)
    ? Number(text) * 1000
    : isDuration(text)
      ? parseDuration(text)
      : null;
  if (interval === null || interval < SHORTEST_INTERVAL) {
    throw new InvalidValueError(
      `--watch: ${shownValue(text)} is not an interval`,
      'Write seconds, or a duration such as 10s or 1m. The least is one second.',
    );
  }
  return interval;
}

/** A terminal or a program that receives what happens. */
interface Audience {
  readonly tell: (look: Look) => Promise<void>;
  /** The check fails for now. */
  readonly trouble: (message: string) => Promise<void>;
  /** A check takes long: what was reported before may no longer be true. */
  readonly waiting: () => void;
  readonly close: () => Promise<void>;
}

/**
 * Checks a selection again and again, and reports which sessions came, went and changed, until the operator ends it:
 * that is the normal end of a watch. Every check opens the store anew, so that it sees the data of a server that was
 * replaced meanwhile; where that fails, it retries until the watch ends.
 * @throws ConnectionError, SchemaError where the first check fails
 * @throws UsageError where more sessions match than can be compared
 */
export async function watchSessions(
  context: Context,
  request: SelectionRequest,
  options: WatchOptions,
): Promise<void> {
  const { system } = context;
  const left = new AbortController();
  const stop = AbortSignal.any([system.signal, left.signal]);
  const isOver = () => stop.aborted;
  const end = () => {
    left.abort();
  };
  const whole = options.format === 'jsonl';
  let audience: Audience | null = null;
  let before: Look | null = null;
  let failures = 0;
  try {
    while (!isOver()) {
      const patience = setTimeout(() => audience?.waiting(), PATIENCE);
      try {
        const look: Look = await lookAgain(context, request, options, before, stop);
        before = look;
        failures = 0;
        audience ??= whole
          ? linesAudience(context, 'changeJson')
          : await terminalAudience(context, request, options, end);
        await audience.tell(look);
      } catch (error) {
        if (isOver()) break;
        if (audience === null || !(error instanceof ConnectionError)) throw error;
        failures += 1;
        await audience.trouble(error.message);
      } finally {
        clearTimeout(patience);
      }
      await wait(pauseAfter(failures, options.interval), undefined, { signal: stop }).catch(() => undefined);
    }
  } finally {
    await audience?.close();
  }
  for (const caution of before?.cautions ?? []) await context.note(`note: ${caution}`);
}

/** Milliseconds until the next check. */
function pauseAfter(failures: number, interval: number): number {
  return failures === 0 ? interval : Math.max(interval, Math.min(interval * 2 ** failures, LONGEST_PAUSE));
}

/** Prints a line for each change, for a program, or for a terminal that cannot be redrawn. */
function linesAudience(context: Context, format: 'changeJson' | 'changeLine'): Audience {
  let isTroubled = false;
  return {
    tell: async ({ now, changes }) => {
      if (isTroubled) await context.note('The database answers again.');
      isTroubled = false;
      const { [format]: line } = await import('../../output/session-change.ts');
      const text = changes.map((change) => line(now, change)).join('');
      if (text !== '') await context.print(text);
    },
    trouble: async (message) => {
      if (!isTroubled) await context.warn(`${message}; retrying until it answers`);
      isTroubled = true;
    },
    waiting: () => undefined,
    close: () => Promise.resolve(),
  };
}

async function terminalAudience(
  context: Context,
  request: SelectionRequest,
  options: WatchOptions,
  end: () => void,
): Promise<Audience> {
  const { system } = context;
  // A process in the background must not use the keyboard or the screen: the terminal would stop it.
  const isOurs = system.inForeground();
  const stopReading =
    system.stdin.isTTY === true && context.flags.input && isOurs
      ? (await import('../../output/screen.ts')).readKeys(system.stdin, (keys) => {
          if (ENDING_KEYS.some((key) => keys.includes(key))) end();
        })
      : () => undefined;
  try {
    const audience =
      system.env['TERM'] === 'dumb' || !isOurs
        ? linesAudience(context, 'changeLine')
        : await screenAudience(context, request, options);
    return {
      ...audience,
      close: async () => {
        stopReading();
        await audience.close();
      },
    };
  } catch (error) {
    stopReading();
    throw error;
  }
}

async function screenAudience(
  context: Context,
  { state }: SelectionRequest,
  { interval }: WatchOptions,
): Promise<Audience> {
  const { stdout, env } = context.system;
  const { watchFrame } = await import('../../output/watch-frame.ts');
  const { openScreen, rowsOf } = await import('../../output/screen.ts');
  let view: WatchView | null = null;
  let marked: readonly Marked[] = [];
  const screen = await openScreen(stdout);
  const draw = async () => {
    if (view === null) return;
    const terminal = judgeTerminal(stdout, env, context.flags.color);
    await screen.draw(watchFrame(view, { terminal, styles: context.stdout.styles, rows: rowsOf(stdout) }));
  };
  const redraw = () => {
    // If the terminal is gone, the next check finds out.
    draw().catch(() => undefined);
  };
  stdout.on?.('resize', redraw);
  return {
    tell: async (look) => {
      marked = markedSince(marked, view, look);
      view = {
        target: look.target,
        now: look.now,
        begun: view?.begun ?? look.now,
        interval,
        kind: state === 'all' ? 'session' : `${state} session`,
        sessions: withMarks(look.sessions, marked),
        all: look.all,
        tally: added(view?.tally ?? NOTHING_YET, look.changes),
        emails: look.emails,
        trouble: null,
        took: look.took,
      };
      await draw();
    },
    trouble: async (message) => {
      if (view !== null) view = { ...view, trouble: `: ${message}` };
      await draw();
    },
    waiting: () => {
      if (view !== null) view = { ...view, trouble: view.trouble ?? ' yet; still waiting' };
      redraw();
    },
    close: async () => {
      stdout.off?.('resize', redraw);
      await screen.close();
    },
  };
}

/** A change that is still marked, and the place on the screen of a session that has gone. */
interface Marked extends SessionChange {
  readonly until: number;
  readonly place: number;
}

function markedSince(marked: readonly Marked[], view: WatchView | null, look: Look): readonly Marked[] {
  const now = performance.now();
  const latest = look.changes
    .filter(({ change }) => change !== 'present')
    .map((change): Marked => {
      const place = view?.sessions.findIndex(({ session }) => session.id === change.session.id) ?? -1;
      return { ...change, until: now + MARKED, place };
    });
  const again = new Set(latest.map(({ session }) => session.id));
  return [...marked.filter(({ until, session }) => until > now && !again.has(session.id)), ...latest];
}

function withMarks(sessions: readonly Session[], marked: readonly Marked[]): readonly WatchedSession[] {
  const changes = new Map(marked.map((mark) => [mark.session.id, mark]));
  const shown: WatchedSession[] = sessions.map((session) => ({
    ...present(session),
    change: changes.get(session.id)?.change ?? 'present',
  }));
  const gone = marked.filter(({ change, place }) => change === 'gone' && place >= 0);
  for (const mark of gone.toSorted((a, b) => a.place - b.place)) shown.splice(mark.place, 0, mark);
  return shown;
}

const NOTHING_YET: WatchTally = { appeared: 0, changed: 0, ended: 0, expired: 0, unmatched: 0 };

function added(tally: WatchTally, changes: readonly SessionChange[]): WatchTally {
  const sum = { ...tally };
  for (const { change, because } of changes) {
    if (because !== null) sum[because] += 1;
    else if (change === 'appeared' || change === 'changed') sum[change] += 1;
  }
  return sum;
}
