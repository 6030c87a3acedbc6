import { formatDuration } from '../sessions/duration.ts';
import type { Instant } from '../sessions/instant.ts';
import type { Departure } from '../sessions/session-changes.ts';
import type { Target } from '../sessions/reading-store.ts';
import { counted } from './counted.ts';
import { cutText, terminalText } from './fit-text.ts';
import { clockTime, marks, type SessionChange } from './session-change.ts';
import { sessionTable } from './session-table.ts';
import { shortAddress } from './short-address.ts';
import type { Styles, Terminal } from './styles.ts';
import { userOf } from './user-of.ts';

/** A session on the screen, with its latest change. */
export type WatchedSession = SessionChange;

/** How many have come and gone since the watch started. */
export type WatchTally = Readonly<Record<'appeared' | 'changed' | Departure, number>>;

export interface WatchView {
  readonly target: Target;
  readonly now: Instant;
  readonly begun: Instant;
  /** Milliseconds between two checks. */
  readonly interval: number;
  /** `active session`, to be counted. */
  readonly kind: string;
  /** In their order; sessions that are gone stay at their place. */
  readonly sessions: readonly WatchedSession[];
  /** How many match. */
  readonly all: number;
  readonly tally: WatchTally;
  /** The e-mail addresses of administrators behind impersonations. */
  readonly emails: ReadonlyMap<string, string>;
  /** The text after `no answer since`; null where there was an answer. */
  readonly trouble: string | null;
  /** Milliseconds that the latest check took. */
  readonly took: number;
}

/** From this width on there is room for why a session is gone. */
const WORDY = 120;

function markInWords({ change, because }: WatchedSession): string {
  return change === 'present' ? marks.present : `${marks[change]} ${because ?? change}`;
}

/** A check that takes longer than this is reported. */
const SLOW = 1000;

/** With fewer columns or rows the text above the table leaves no room for it. */
const NARROW = 32;
const LOW = 8;

/** @returns lines that fit the terminal; none reaches its last column */
export function watchFrame(
  view: WatchView,
  { terminal, styles, rows }: { readonly terminal: Terminal; readonly styles: Styles; readonly rows: number },
): readonly string[] {
  const room = { ...terminal, width: terminal.width - 1 };
  const cut = (text: string) => cutText(terminalText(text), room.width);
  if (room.width < NARROW || rows < LOW) return smallFrame(view, { cut, styles, rows });
  const head = [
    styles.bold(cut(`${headline(view)} in ${placeOf(view.target)}`)),
    styles.dim(cut(`${clockTime(view.now)} UTC, ${paceOf(view)}: ${tallyText(view)}`)),
    styles.dim(cut('+ came, - went, ~ changed; q quits')),
    ...(view.trouble === null
      ? []
      : [styles.yellow(cut(`no answer since ${clockTime(view.now)}${view.trouble}`))]),
    '',
  ];
  if (view.sessions.length === 0) return [...head, cut(`No ${view.kind}s match.`)];
  const shown = view.sessions.slice(0, Math.max(0, rows - head.length - 1));
  const { text } = sessionTable(
    shown.map(({ session }) => session),
    {
      now: view.now,
      terminal: room,
      styles,
      wide: false,
      emails: view.emails,
      marks: shown.map(room.width < WORDY ? ({ change }) => marks[change] : markInWords),
    },
  );
  const [titles = '', ...lines] = text.trimEnd().split('\n');
  return [...head, titles, ...lines.map((line, at) => styledBy(shown[at]?.change, styles)(line))];
}

/**
 * The most important lines, as many as there are rows: how many sessions there are, which changed and which are there.
 */
function smallFrame(
  view: WatchView,
  {
    cut,
    styles,
    rows,
  }: { readonly cut: (text: string) => string; readonly styles: Styles; readonly rows: number },
): readonly string[] {
  const head =
    view.trouble === null
      ? styles.bold(cut(counted(view.all, view.kind)))
      : styles.yellow(cut(`no answer since ${clockTime(view.now)}`));
  const lines = view.sessions.slice(0, Math.max(0, rows - 1)).map(({ change, session }) => {
    const who = userOf(session);
    const text = `${marks[change]} ${who === '' ? session.id : who}  ${shortAddress(session.ipAddress) ?? ''}`;
    return styledBy(change, styles)(cut(text.trimEnd()));
  });
  return [head, ...lines];
}

function styledBy(change: SessionChange['change'] | undefined, styles: Styles): (line: string) => string {
  switch (change) {
    case 'appeared':
      return styles.bold;
    case 'gone':
      return styles.dim;
    default:
      return (line) => line;
  }
}

function headline({ all, sessions, kind }: WatchView): string {
  const there = sessions.filter(({ change }) => change !== 'gone').length;
  return all > there ? `The first of ${counted(all, kind)}` : counted(all, kind);
}

function placeOf({ dialect, database, redis }: Target): string {
  return `${dialect} ${database}${redis === null ? '' : ` and Redis ${redis}`}`;
}

function paceOf({ interval, took }: WatchView): string {
  const slow = took < SLOW ? '' : `, a check takes ${(took / 1000).toFixed(1)} s`;
  return `every ${formatDuration(interval)}${slow}`;
}

function tallyText({ tally, begun }: WatchView): string {
  const words: readonly (readonly [number, string])[] = [
    [tally.appeared, 'came'],
    [tally.ended, 'ended'],
    [tally.expired, 'expired'],
    [tally.unmatched, 'no longer match'],
    [tally.changed, 'changed'],
  ];
  const some = words.filter(([count]) => count > 0).map(([count, word]) => `${String(count)} ${word}`);
  return `${some.length === 0 ? 'nothing new' : some.join(', ')} since ${clockTime(begun)}`;
}
