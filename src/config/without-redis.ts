import type { CheckedProfile } from './checked-file.ts';
import type { Environment } from './environment.ts';
import type { Problem } from './problem.ts';
import type { ProfileDocument } from './profile-document.ts';

/**
 * `storeSessionInDatabase` has an effect only with secondary storage (better-auth 1.7.25, `db/internal-adapter`). A
 * profile that contradicts itself about Redis would leave valid sessions unseen.
 * @returns the problem in a profile's settings about Redis, or null
 */
export function contradictoryRedis(
  name: string,
  { redis, session }: CheckedProfile,
  { lineOf }: Pick<ProfileDocument, 'lineOf'>,
  env: Environment,
): Problem | null {
  const hasRedis = redis !== undefined || env('SESSIONCTL_REDIS_URL') !== undefined;
  const problem = (key: 'store_in_database' | 'secondary_storage', what: string, hint: string): Problem => {
    const path = ['profiles', name, 'session', key];
    return { line: lineOf(path), column: null, message: `${path.join('.')}: ${what}`, hint };
  };
  const sayWhere = `Configure Redis in [profiles.${name}.redis], or leave the key out.`;
  if (session?.secondary_storage === false && hasRedis)
    return problem(
      'secondary_storage',
      'states that the application uses no Redis, but one is configured',
      'Remove one of them.',
    );
  if (hasRedis) return null;
  if (session?.secondary_storage === true)
    return problem('secondary_storage', 'is true, but no Redis is configured', sayWhere);
  if (session?.store_in_database === true)
    return problem(
      'store_in_database',
      'has an effect only if sessions are in Redis too, and no Redis is configured',
      sayWhere,
    );
  return null;
}
