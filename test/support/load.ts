import { startLoad as startProcess, type Load, type LoadOptions } from '../../bench/start-load.js';
import { appOptions, baseUrl } from './app.ts';
import type { TestDatabase } from './databases.ts';

export type { Load, LoadError, LoadRequest, LoadResult, LoadSignIn } from '../../bench/start-load.js';

/**
 * An application at work on a database in the plain shape of its dialect, in a process of its own. Its cookies are
 * good for a test's application too: the secret is the same.
 */
export async function startLoad(
  database: Pick<TestDatabase, 'url'>,
  options: Pick<LoadOptions, 'perSecond' | 'signIns' | 'refreshes'>,
): Promise<Load> {
  const { secret = '' } = appOptions({});
  return startProcess({ url: database.url, secret, baseURL: baseUrl, ...options });
}
