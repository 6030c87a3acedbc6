import { keepsRecords, type Settings } from '../config/settings.ts';
import type { Examination, SessionSample } from '../sessions/examination.ts';
import { millisecondsOf, toInstant, type Instant } from '../sessions/instant.ts';
import type { Target } from '../sessions/reading-store.ts';
import { configurationChecks, type ConfigurationSubject } from './configuration-checks.ts';
import { databaseChecks } from './database-checks.ts';
import type { Check } from './finding.ts';
import { redisChecks } from './redis-checks.ts';
import { sessionChecks } from './session-checks.ts';

export interface Deployment {
  readonly settings: Settings;
  readonly target: Target;
  readonly examination: Examination;
  readonly configuration: Pick<ConfigurationSubject, 'file' | 'history'>;
  readonly lastSweep: () => Promise<Instant | null>;
  /** The local clock, in milliseconds since 1970. */
  readonly clock: () => number;
}

/** Sessions that are read one by one; of more, a sample. */
const LOOKED_AT = 20_000;

/** Every check of a deployment. A check comes after those that may explain its failure. */
export async function* deploymentChecks({
  settings,
  target,
  examination,
  configuration,
  lastSweep,
  clock,
}: Deployment): AsyncGenerator<Check> {
  const { session, auth, redis } = settings;
  const { database, secondary, schemaParts } = examination;
  const preserve = keepsRecords(settings);
  yield* databaseChecks({ database, schemaParts, target, preserve, clock });

  const known = database.part;
  // Another check reports a problem with its clock.
  const now = (await known?.readClock().catch(() => null)) ?? toInstant(clock());
  const ofRedis = once(async () => {
    const part = secondary?.part ?? null;
    if (part === null) throw new Error('Redis cannot be reached');
    return part.sample(LOOKED_AT);
  });
  yield* redisChecks({
    target,
    secondary,
    database: known,
    sample: ofRedis,
    now: millisecondsOf(now),
    storeInDatabase: session.storeInDatabase,
  });
  if (known !== null) {
    const { table } = known;
    const ofTable = once((): Promise<SessionSample> =>
      table === null ? Promise.reject(new Error('there is no table')) : table.sample(LOOKED_AT),
    );
    // Rows that are records do not show who is signed in.
    const looksAtRows = redis === null || (table !== null && !preserve);
    yield* sessionChecks({
      target,
      database: known,
      sample: looksAtRows ? ofTable : ofRedis,
      hasAddresses: !looksAtRows || table?.absent.includes('ipAddress') !== true,
      now,
      timeZone: settings.database.timeZone,
      expiresIn: session.expiresIn,
      expiresInIsDeclared: session.declaredExpiresIn !== null,
      preserve,
      ipv6Subnet: settings.ip.ipv6Subnet,
      lastSweep,
    });
  }
  yield* configurationChecks({ profile: target.profile, session, auth, ...configuration });
}

function once<Value>(work: () => Promise<Value>): () => Promise<Value> {
  let result: Promise<Value> | undefined;
  return () => (result ??= work());
}
