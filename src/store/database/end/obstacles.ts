import { SessionctlError } from '../../../errors.ts';
import type { Obstacle } from '../../../sessions/obstacle.ts';
import { tableLabel } from '../schema/catalog.ts';
import type { DatabaseStoreParts } from '../parts.ts';
import type { FoundObstacle } from '../dialects/examination-dialect.ts';
import { missingRights, missingRightsToInclude } from './missing-rights.ts';
import { dialects } from '../dialects/dialects.ts';

/** The effects of the operator's rules, triggers and foreign keys on ending sessions. Changes nothing. */
export async function findObstacles(
  parts: DatabaseStoreParts,
  preserve: boolean,
): Promise<readonly Obstacle[]> {
  const { session } = parts.shape;
  const own = await dialects[parts.target.dialect].examination();
  const found = await own.obstacles(parts.knex, session, preserve ? 'UPDATE' : 'DELETE');
  return found.map((obstacle) => described(obstacle, tableLabel(session)));
}

function described({ kind, name, place }: FoundObstacle, table: string): Obstacle {
  switch (kind) {
    case 'rule':
      return {
        effect: 'keeps',
        text: `the rule ${name} on ${table} runs instead of the statement that ends a session: rows may stay`,
      };
    case 'keeping trigger':
      return {
        effect: 'keeps',
        text: `the trigger ${name} on ${table} runs before a session ends and may keep its row`,
      };
    case 'trigger':
      return { effect: 'runs', text: `the trigger ${name} on ${table} runs when a session ends` };
    case 'foreign key':
      return {
        effect: 'may refuse',
        text: `the foreign key ${name} of ${place ?? 'another table'} refers to ${table} without ON DELETE CASCADE: a session that it refers to cannot be deleted`,
      };
    default:
      return kind satisfies never;
  }
}

/**
 * The reason why the database would refuse, found by having the statements planned but not run.
 * @param included kinds of `--include`
 * @returns a sentence without a full stop, or null where no refusal is expected
 */
export async function findRefusal(
  parts: DatabaseStoreParts,
  preserve: boolean,
  included: ReadonlySet<string>,
): Promise<string | null> {
  const changed = { ...parts, shape: { ...parts.shape, ended: parts.shape.session } };
  try {
    const missing = await parts.guard(async () => [
      ...(await missingRights(changed, preserve)),
      ...(await missingRightsToInclude(changed, included)),
    ]);
    if (missing.length === 0) return null;
    return `the account lacks ${missing.map(({ right }) => right).join(', ')}`;
  } catch (error) {
    if (parts.signal.aborted || !(error instanceof SessionctlError)) throw error;
    return error.message;
  }
}
