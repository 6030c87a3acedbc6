import { setTimeout as sleep } from 'node:timers/promises';
import { onTestFinished } from 'vitest';
import type { DatabaseSettings } from '../../src/config/settings.ts';
import { SessionctlError } from '../../src/errors.ts';
import { createRedactor } from '../../src/redaction.ts';
import type { Replication } from '../../src/sessions/replication.ts';
import { openDatabaseStore } from '../../src/store/database/open.ts';

const never = new AbortController().signal;

/** Opens a store for the time of a test. */
export async function open(url: string, replicas: readonly string[] = [], signal = never) {
  const settings: DatabaseSettings = {
    profile: null,
    url,
    timeZone: null,
    statementTimeout: 30_000,
    connectTimeout: 5000,
    replicas,
    tls: null,
    schema: { databaseSchema: null, table: null, userTable: null, columns: {}, userColumns: {} },
    cwd: '/',
  };
  const store = await openDatabaseStore(settings, { access: 'write', redactor: createRedactor(), signal });
  onTestFinished(() => store.close());
  return store;
}

/** Opens it with a store of its own for the time of a test. */
export async function openReplication(...given: Parameters<typeof open>): Promise<Replication> {
  const replication = await (await open(...given)).openReplication();
  onTestFinished(() => replication.close());
  return replication;
}

/** What the work is refused with. */
export async function refusal(work: Promise<unknown>): Promise<SessionctlError> {
  const error: unknown = await work.then(
    () => 'no error',
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof SessionctlError)) throw new Error('no refusal', { cause: error });
  return error;
}

/** Asks again and again, as the wait does, until the answer is the one that is awaited. */
export async function untilLag(
  replication: Replication,
  isIt: (lag: number | null) => boolean,
): Promise<readonly (number | null)[]> {
  const lags: (number | null)[] = [];
  for (let attempts = 0; attempts < 100; attempts += 1) {
    lags.push(await replication.lag());
    if (isIt(lags.at(-1) ?? null)) return lags;
    await sleep(100);
  }
  throw new Error(`it never came: ${lags.join(', ')}`);
}
export const isNone = (lag: number | null) => lag === 0;
export const isSome = (lag: number | null) => lag !== null && lag >= 1000;

/** Of a session table. */
export const columns = (time: string, text: string) =>
  `(id ${text} primary key, token ${text} not null unique, expires_at ${time} not null, created_at ${time} not null,
    updated_at ${time} not null, user_id ${text} not null)`;
