import type { Instant } from '../sessions/instant.ts';
import { SHORTEST_ID_PREFIX } from '../sessions/resolve-selection.ts';
import type { Session } from '../sessions/session.ts';
import { deviceOf } from './device.ts';
import { fittedTable, tableCell, type FittedTable, type TableColumn } from './fitted-table.ts';
import { relativeTime } from './relative-time.ts';
import { shortAddress } from './short-address.ts';
import type { Styles, Terminal } from './styles.ts';
import { isUnreadable, UNREADABLE, type ShownTime } from './unreadable.ts';
import { userOf } from './user-of.ts';

/** From this width on there is room for whole ids besides everything else. */
const WIDTH_FOR_WHOLE_IDS = 140;

export interface SessionTableOptions {
  readonly now: Instant;
  readonly terminal: Terminal;
  readonly styles: Styles;
  /** Adds the user agent and cuts nothing at any width. */
  readonly wide: boolean;
  /** The e-mail addresses of administrators behind impersonations, by their ids, as far as they are known. */
  readonly emails: ReadonlyMap<string, string>;
  /** The state matters most, as before sessions are ended: the expiry is hidden before it. */
  readonly keepsState?: boolean;
  /** The mark before each session, such as whether it is new. */
  readonly marks?: readonly string[];
}

/**
 * Sessions as a table. On a terminal it keeps to the width: times relative to the store's clock, shortened ids, cells
 * cut with an ellipsis, the least important columns hidden. Elsewhere it is stable text for `awk`: whole values,
 * columns two spaces apart, and no two spaces inside a cell.
 */
export function sessionTable(sessions: readonly Session[], options: SessionTableOptions): FittedTable {
  return fittedTable(columnsOf(sessions, options), { ...options, whole: options.wide });
}

/**
 * Whether the table shows who is behind impersonations, so that their addresses are looked up only for that. In a pipe
 * the columns are always the same.
 */
export function showsImpersonator(
  sessions: readonly Session[],
  wide: boolean,
  { interactive }: Terminal,
): boolean {
  return wide || (interactive && sessions.every(({ impersonatedBy }) => impersonatedBy !== null));
}

function columnsOf(
  sessions: readonly Session[],
  { now, terminal, styles, wide, emails, keepsState = false, marks }: SessionTableOptions,
): readonly TableColumn[] {
  const { interactive } = terminal;
  const cell = tableCell(terminal, wide);
  const cells = (read: (session: Session) => string | null) => sessions.map((session) => cell(read(session)));
  const time = (field: ShownTime) => {
    return cells((session) => {
      const instant = session[field];
      if (instant === null) return isUnreadable(session, field) ? UNREADABLE : null;
      return interactive ? relativeTime(instant, now) : instant;
    });
  };
  const wholeIds = !interactive || wide || terminal.width >= WIDTH_FOR_WHOLE_IDS;
  const ids = wholeIds ? sessions.map(({ id }) => id) : shortIds(sessions);
  const sameState = sessions.every(({ state }) => state === sessions[0]?.state);
  const impersonator = {
    title: 'impersonated by',
    shortTitle: 'by',
    cells: cells(({ impersonatedBy: id }) => (id === null ? null : (emails.get(id) ?? id))),
    minimum: 8,
    comfortable: 18,
    importance: 4.5,
  };
  return [
    ...(marks === undefined ? [] : [{ title: '', cells: marks }]),
    { title: 'id', cells: ids.map(cell) },
    { title: 'user', cells: cells(userOf), minimum: 10, comfortable: 20, importance: 7 },
    {
      title: 'state',
      cells: cells(({ state }) => state),
      style: (cell, row) => (sessions[row]?.state === 'active' ? styles.green(cell) : styles.dim(cell)),
      // The expiry shows whether it has expired.
      ...(keepsState ? { importance: 8 } : { importance: sameState ? 0 : 2, expendable: true }),
    },
    { title: 'created', cells: time('createdAt'), importance: 1, expendable: true },
    { title: 'last active', shortTitle: 'active', cells: time('lastActiveAt'), importance: 5 },
    {
      title: 'expires',
      cells: time('expiresAt'),
      ...(keepsState ? { importance: 2, expendable: true } : { importance: 4 }),
    },
    {
      title: 'IP',
      cells: cells(({ ipAddress }) => shortAddress(ipAddress)),
      minimum: 20,
      comfortable: 20,
      importance: 6,
    },
    {
      title: 'device',
      cells: cells(({ userAgent }) => deviceOf(userAgent)),
      minimum: 8,
      comfortable: 18,
      importance: 3,
    },
    ...(showsImpersonator(sessions, wide, terminal) ? [impersonator] : []),
    ...(wide ? [{ title: 'user agent', cells: cells(({ userAgent }) => userAgent) }] : []),
  ];
}

/** The shortest prefixes that distinguish these sessions, and that `show` and `revoke` accept. */
function shortIds(sessions: readonly Session[]): readonly string[] {
  const ids = sessions.map(({ id }) => id);
  const different = new Set(ids).size;
  const longest = ids.reduce((length, id) => Math.max(length, id.length), 0);
  let length = SHORTEST_ID_PREFIX;
  while (length < longest && new Set(ids.map((id) => id.slice(0, length))).size < different) length += 1;
  return ids.map((id) => id.slice(0, length));
}
