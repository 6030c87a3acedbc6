import type { Settings } from '../config/settings.ts';
import { ConnectionError } from '../errors.ts';
import type { SharedHistory } from '../history/shared-history.ts';
import type { Examination, Opened, SecondaryExamination } from '../sessions/examination.ts';
import type { SchemaPart } from '../sessions/schema-store.ts';
import type { SweptSecondary } from '../sessions/sweeping-store.ts';
import type { Target } from '../sessions/reading-store.ts';
import { describeLocation, parseDatabaseUrl } from './database/connect/database-url.ts';
import { openDirectory } from './database/open-directory.ts';
import { openDatabaseStore, type DatabaseStore, type OpenOptions } from './database/open.ts';
import { openSchema } from './database/open-schema.ts';
import type { Directory } from './database/directory.ts';
import { connectRedis } from './redis/connect-redis.ts';
import { examineRedis } from './redis/examine-redis.ts';
import { createSecondaryStorage, type SecondaryStorage } from './redis/secondary-storage.ts';
import { sweepSecondary } from './redis/sweep-secondary.ts';
import { createRowsBehind } from './combined/rows-behind.ts';
import { mismatchOf } from './combined/store-mismatch.ts';
import { heedsMarks } from '../sessions/release.ts';
import { toInstant } from '../sessions/instant.ts';

export interface OpenedExamination extends Examination {
  /** What the settings name, reached or not. */
  readonly target: Target;
  /** The database's history; null if it has none or cannot be reached. */
  readonly history: SharedHistory | null;
  close(): Promise<void>;
}

/** Milliseconds for an answer of the database, regardless of the settings: a check must not take longer. */
const LONGEST_QUERY = 15_000;

export type ExaminedSettings = Pick<Settings, 'database' | 'redis' | 'session' | 'auth'>;

/**
 * Opens every part of a deployment by itself, read-only. A part that cannot be opened is represented by its error.
 * @param now the local clock, for a Redis whose database cannot be reached
 */
export async function openExamination(
  settings: ExaminedSettings,
  options: Omit<OpenOptions, 'access'>,
  now: number,
): Promise<OpenedExamination> {
  const { redis } = settings;
  const { statementTimeout } = settings.database;
  const database = {
    ...settings.database,
    statementTimeout: statementTimeout === 0 ? LONGEST_QUERY : Math.min(statementTimeout, LONGEST_QUERY),
  };
  const reading = { ...options, access: 'read' as const };
  const inTable = redis === null || settings.session.storeInDatabase;
  const opened = <Part>(open: () => Promise<Part>) => openedUnless(options.signal, open);
  const table = inTable ? await opened(() => openDatabaseStore(database, reading)) : null;
  const directory: Opened<Directory> = table ?? (await opened(() => openDirectory(database, reading)));
  // After one wait for a database, do not wait again.
  const schemaParts =
    directory.error instanceof ConnectionError
      ? { part: null, error: directory.error }
      : await opened(async (): Promise<readonly SchemaPart[]> => {
          const schema = await openSchema(database, reading);
          await schema.close();
          return schema.parts;
        });
  const secondary = redis === null ? null : await opened(() => openSecondary());
  const location = parseDatabaseUrl(database.url, database.cwd, database.variables);
  return {
    target: {
      profile: database.profile,
      dialect: location.dialect,
      database: describeLocation(location),
      redis: secondary?.part?.storage.place ?? null,
    },
    database: directory.part === null ? directory : { part: await directory.part.examination(), error: null },
    schemaParts,
    secondary: secondary === null ? null : examinationOf(secondary),
    history: directory.part?.history ?? null,
    close: async () => {
      await secondary?.part?.storage.close();
      await directory.part?.close();
    },
  };

  async function openSecondary(): Promise<{ storage: SecondaryStorage; examination: SecondaryExamination }> {
    if (redis === null) throw new Error('no Redis is configured');
    const connection = await connectRedis(redis, reading);
    const { keyPrefix } = redis;
    const known = directory.part;
    const part = tableOf(table);
    const rows = part === null ? null : createRowsBehind(part.rows, part);
    const storage = createSecondaryStorage(
      connection,
      keyPrefix,
      known?.now ?? toInstant(now),
      rows,
      null,
      heedsMarks(settings.auth.release),
    );
    return {
      storage,
      examination: {
        ...examineRedis(connection, storage, keyPrefix),
        findMismatch:
          known === null
            ? null
            : () =>
                mismatchOf({
                  directory: known,
                  rows: part?.rows ?? null,
                  connection,
                  secondary: storage,
                  keyPrefix,
                }),
        strays: (milliseconds) => countStrays(storage, part, milliseconds),
        leftovers: known === null ? null : leftoversOf({ directory: known, steadfast: storage }),
      },
    };
  }
}

function examinationOf({
  part,
  error,
}: Opened<{ readonly examination: SecondaryExamination }>): Opened<SecondaryExamination> {
  return part === null ? { part, error } : { part: part.examination, error: null };
}

function tableOf(table: Opened<DatabaseStore> | null): DatabaseStore | null {
  return table?.part ?? null;
}

async function countStrays(
  storage: Pick<SecondaryStorage, 'scan'>,
  table: Pick<DatabaseStore, 'existingSessionIds'> | null,
  milliseconds: number,
): ReturnType<SecondaryExamination['strays']> {
  const begun = performance.now();
  // A session may occur twice.
  const alone = new Set<string>();
  const unreadable = new Set<string>();
  for await (const page of storage.scan()) {
    for (const token of page.unreadable) unreadable.add(token);
    const ids = page.sessions.map(({ session }) => session.id);
    const withRow = await table?.existingSessionIds(ids);
    for (const id of ids) if (withRow?.has(id) === false) alone.add(id);
    if (performance.now() - begun > milliseconds)
      return { alone: table === null ? null : alone.size, unreadable: unreadable.size, isWhole: false };
  }
  return { alone: table === null ? null : alone.size, unreadable: unreadable.size, isWhole: true };
}

function leftoversOf(
  places: Parameters<typeof sweepSecondary>[0],
): NonNullable<SecondaryExamination['leftovers']> {
  return async (expiredAt, milliseconds) => {
    const limit = new AbortController();
    const begun = performance.now();
    const remarks: string[] = [];
    const sum = { expired: 0, orphans: 0, indexEntries: 0, immortalIndexes: 0 };
    const steps = sweepSecondary(places, expiredAt, {
      dryRun: true,
      stop: limit.signal,
      before: () => Promise.resolve(),
      remark: (text) => remarks.push(text),
    });
    for await (const step of steps) {
      for (const key of Object.keys(sum) as (keyof SweptSecondary)[]) sum[key] += step[key];
      if (performance.now() - begun > milliseconds) limit.abort();
    }
    return { ...sum, isWhole: !limit.signal.aborted, remarks };
  };
}

/** @throws the reason of the signal, if it stopped the run */
async function openedUnless<Part>(signal: AbortSignal, open: () => Promise<Part>): Promise<Opened<Part>> {
  try {
    return { part: await open(), error: null };
  } catch (error) {
    if (signal.aborted) throw error;
    return { part: null, error };
  }
}
