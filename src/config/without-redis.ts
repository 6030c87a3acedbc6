import type { CheckedProfile } from './checked-file.ts';
import type { Environment } from './environment.ts';
import type { Problem } from './problem.ts';
import type { ProfileDocument } from './profile-document.ts';

/**
 * `storeSessionInDatabase` means something only beside secondary storage (better-auth 1.7.25, `db/internal-adapter`):
 * whoever says it has a Redis, and sessions in it that would live on unseen.
 * @returns what is wrong with a profile that says it and names no Redis, or null
 */
export function missingRedis(
  name: string,
  { redis, session }: CheckedProfile,
  { lineOf }: Pick<ProfileDocument, 'lineOf'>,
  env: Environment,
): Problem | null {
  if (session?.store_in_database !== true || redis !== undefined) return null;
  if (env('SESSIONCTL_REDIS_URL') !== undefined) return null;
  const path = ['profiles', name, 'session', 'store_in_database'];
  return {
    line: lineOf(path),
    column: null,
    message: `${path.join('.')}: means something only where sessions stand in Redis as well, and none is configured`,
    hint: `Say where Redis is, [profiles.${name}.redis], or leave the key out.`,
  };
}
