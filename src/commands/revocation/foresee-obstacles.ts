import type { Context } from '../../context.ts';
import { ConnectionError } from '../../errors.ts';
import type { Obstacle } from '../../sessions/obstacle.ts';
import type { SessionStore } from '../../sessions/session-store.ts';

type ForeseeingStore = Pick<SessionStore, 'target' | 'hidesRows' | 'findObstacles' | 'findRefusal'>;

/**
 * Obstacles that make ending sessions fail in part without forbidding it; a dry run also reports those that forbid it.
 * @throws ConnectionError where the database hides rows, so that those left could not be counted
 */
export async function foreseeObstacles(
  context: Context,
  store: ForeseeingStore,
  {
    preserve,
    dryRun,
    included,
  }: { readonly preserve: boolean; readonly dryRun: boolean; readonly included: ReadonlySet<string> },
): Promise<readonly Obstacle[]> {
  if (store.hidesRows && !dryRun)
    throw new ConnectionError(
      `row-level security may hide sessions of ${store.target.database} from this account: they would stay valid, unseen and uncounted`,
      {
        hint: 'Nothing was changed. Use the owner of the table or a role with BYPASSRLS, or give this account a policy USING (true).',
      },
    );
  const refusal = dryRun ? await store.findRefusal(preserve, included) : null;
  if (refusal !== null) await context.warn(`without --dry-run this would be refused: ${refusal}`);
  return store.findObstacles(preserve);
}

/** The sentences that a plan shows. */
export function warningsOf(obstacles: readonly Obstacle[]): readonly string[] {
  return obstacles
    .filter(({ effect }) => effect === 'keeps' || effect === 'may refuse')
    .map(({ text }) => text);
}
