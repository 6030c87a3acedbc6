import { comparesOnly, everySession, type Selection } from '../../sessions/selection.ts';
import type { Instant } from '../../sessions/instant.ts';

const fields = Object.keys(everySession) as readonly (keyof Selection)[];

/** Sessions that a survey counted. */
export interface Surveyed {
  readonly selection: Selection;
  readonly tokens: Set<string>;
  /** The latest sign-in among them; null where it is not known. */
  readonly newest: Instant | null;
}

/** The fields of a session that never change (better-auth 1.7.25, `db/internal-adapter`, updateSession). */
const LASTING: ReadonlySet<keyof Selection> = new Set<keyof Selection>([
  'userIds',
  'createdAfter',
  'createdBefore',
  'presentAt',
  'exceptUserIds',
  'exceptSessionIds',
]);

/** Whether a session that was selected once stays selected until it ends. */
export function comparesWhatLasts(selection: Selection): boolean {
  if (selection.sessionIds !== null) return false;
  return comparesOnly(selection, LASTING);
}

/** Whether all counted sessions are selected: it is the same selection, except for a limit after the latest of them. */
export function isCoveredBy(selection: Selection, { selection: before, newest }: Surveyed): boolean {
  const { presentAt } = selection;
  const isSame = fields.every((name) => name === 'presentAt' || selection[name] === before[name]);
  return isSame && (presentAt === null || newest === null || newest <= presentAt);
}
