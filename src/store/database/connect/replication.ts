import type { DatabaseSettings } from '../../../config/settings.ts';
import type { Replication } from '../../../sessions/replication.ts';
import { connectReplica, type ConnectOptions, type DatabaseConnection } from './connect.ts';
import { LostPrimaryError, type AskedServer } from '../dialects/lag-meter.ts';
import { unlessStopped } from './persistently.ts';

/**
 * Prepares to measure how far replicas are behind. The first measurement is made here, without retries, so that a
 * lasting problem is reported at once. Later measurements wait for a server that restarts.
 * @throws UsageError, ConfigError, ConnectionError
 */
export async function openReplication(
  connection: DatabaseConnection,
  settings: DatabaseSettings,
  options: ConnectOptions,
): Promise<Replication> {
  const { signal } = options;
  let isOpen = false;

  const asked = ({ knex, dialect, target, guard }: DatabaseConnection): AskedServer => ({
    place: target.database,
    ask: (work) =>
      guard(async () => {
        if (!isOpen) return work(knex);
        const attempt = await unlessStopped(() => work(knex), {
          signal,
          hindrance: (error) => (error instanceof LostPrimaryError ? 'lost' : dialect.hindrance(error)),
        });
        if (attempt === 'given up') throw new Error(String(signal.reason));
        return attempt.result;
      }),
  });

  const replicas = await Promise.all(settings.replicas.map((url) => connectReplica(url, settings, options)));
  const close = async () => {
    await Promise.all(replicas.map((replica) => replica.close()));
  };
  try {
    const measure = await connection.dialect.lagMeter(asked(connection), replicas.map(asked));
    await measure();
    isOpen = true;
    return { lag: measure, close };
  } catch (error) {
    await close();
    throw error;
  }
}
