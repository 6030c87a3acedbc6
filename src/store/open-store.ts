import { keepsRecords, type Settings } from '../config/settings.ts';
import type { OpenOptions } from './database/open.ts';
import type { DeploymentStore } from './deployment-store.ts';

/**
 * Opens the sessions of a deployment: in its database, in Redis, or in both.
 * @throws ConnectionError where one of them cannot be reached or refuses
 * @throws SchemaError where sessionctl does not support the database's schema
 */
export async function openStore(
  { database, redis, session, auth }: Pick<Settings, 'database' | 'redis' | 'session' | 'auth'>,
  options: OpenOptions,
): Promise<DeploymentStore> {
  if (redis === null) {
    const { openDatabaseStore } = await import('./database/open.ts');
    return openDatabaseStore(database, {
      ...options,
      expiresIn: session.declaredExpiresIn,
      preserve: keepsRecords({ redis, session }),
    });
  }
  const { openCombinedStore } = await import('./combined/open-combined.ts');
  return openCombinedStore({ database, redis, session, release: auth.release }, options);
}
