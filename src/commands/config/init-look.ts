import type { AuthReading } from '../../config/auth-file/auth-reading.ts';
import { escapeReferences } from '../../config/references.ts';
import type { LikelyNames, Settings } from '../../config/settings.ts';
import type { Context } from '../../context.ts';
import { SchemaError } from '../../errors.ts';
import { relativeTime } from '../../output/relative-time.ts';
import { millisecondsOf, type Instant } from '../../sessions/instant.ts';
import { everySession } from '../../sessions/selection.ts';
import type { Plan } from './init-plan.ts';
import { settingsOf } from './init-settings.ts';
import { placeOf } from './init-variables.ts';

/** What was found behind the URL. */
export interface Finding {
  readonly server: string;
  /** Null where all sessions are in Redis. */
  readonly sessionTable: string | null;
  readonly userTable: string | null;
  readonly keyType: string | null;
  readonly timeEncoding: string | null;
  readonly zoneKnown: boolean;
  /** As `SchemaSummary.taken`. */
  readonly taken: Readonly<Record<string, string>>;
  readonly cautions: readonly string[];
  /** When the newest session began, or null where there is none. */
  readonly newestSession: Instant | null;
  /** The database's clock. */
  readonly now: Instant;
}

export interface Outcome {
  readonly plan: Plan;
  readonly finding: Finding;
}

/** Milliseconds. The clocks of the application and its database differ by less; a wrong time zone differs by more. */
const FUTURE_TOLERANCE = 60_000;

/** Connects as later runs will, with the settings that the file is going to have, and reports what was found. */
export async function look(context: Context, plan: Plan): Promise<Outcome> {
  const outcome = withTakenNames(context, await findUnderLikelyNames(context, plan));
  const { finding } = outcome;
  const users = finding.userTable === null ? 'no table of users' : `users in ${finding.userTable}`;
  await context.note(
    `found ${finding.server}, sessions in ${finding.sessionTable ?? 'Redis only'}, ${users}`,
  );
  if (finding.sessionTable !== null)
    await context.note(`ids are ${finding.keyType ?? '-'}, times are ${finding.timeEncoding ?? '-'}`);
  for (const caution of finding.cautions) await context.note(`note: ${caution}`);
  await tellNewest(context, finding, outcome.plan.draft.timeZone);
  return outcome;
}

/** Keeps the application's own names that the database has, and reports those that it does not have. */
function withTakenNames(context: Context, { plan, finding }: Outcome): Outcome {
  const { reading, draft } = plan;
  if (reading === null) return { plan, finding };
  const place = placeOf(context, reading);
  const settings = reading.likelyFields.flatMap(({ key, line }) => {
    const value = finding.taken[key];
    return value === undefined
      ? []
      : [{ key, value: escapeReferences(value), from: `${place}:${String(line)}`, isActive: true }];
  });
  const remarks = reading.likelyFields
    .filter(({ key }) => finding.taken[key] === undefined && finding.sessionTable !== null)
    .map(
      ({ option, value, line }) =>
        `${place}:${String(line)}: ${option} is ${JSON.stringify(value)} to the adapter, and the database does not have it; the names of the database are used`,
    );
  return {
    plan: {
      ...plan,
      draft: {
        ...draft,
        settings: [...draft.settings, ...settings],
        remarks: [...draft.remarks, ...remarks],
      },
    },
    finding,
  };
}

/** The names of `reading`, in the form that the recognition takes. */
function likelyOf(reading: AuthReading): LikelyNames {
  const under = (table: string) =>
    Object.fromEntries(
      reading.likelyFields.flatMap(({ key, value }) =>
        key.startsWith(`schema.${table}.`) ? [[key.slice(`schema.${table}.`.length), value]] : [],
      ),
    );
  return {
    columns: under('columns'),
    userColumns: under('user_columns'),
    verificationTable:
      reading.likelyFields.find(({ key }) => key === 'schema.verification_table')?.value ?? null,
    verificationColumns: under('verification_columns'),
  };
}

/** Where no table is recognised, the tables that the application names are used, if the database has them. */
async function findUnderLikelyNames(context: Context, plan: Plan): Promise<Outcome> {
  try {
    return { plan, finding: await find(context, plan) };
  } catch (error) {
    const named = withLikelyNames(context, plan);
    if (!(error instanceof SchemaError) || named === null) throw error;
    try {
      return { plan: named, finding: await find(context, named) };
    } catch (second) {
      throw second instanceof SchemaError ? error : second;
    }
  }
}

function withLikelyNames(context: Context, plan: Plan): Plan | null {
  const { reading, draft } = plan;
  if (reading?.likelyNames === null || reading === null) return null;
  const { table, userTable } = reading.likelyNames;
  const from = placeOf(context, reading);
  const names = Object.entries({ 'schema.table': table, 'schema.user_table': userTable }).flatMap(
    ([key, value]) => (value === null ? [] : [{ key, value, from, isActive: true }]),
  );
  return { ...plan, draft: { ...draft, settings: [...draft.settings, ...names] } };
}

/**
 * Connects to the database only, before the other questions.
 * @throws ConfigError where there is no URL, ConnectionError where the database does not answer
 */
export async function reach(context: Context, { path, draft }: Plan): Promise<void> {
  // The other settings may need a Redis, which is asked for later.
  const database = await settingsOf(context, { path, draft: { ...draft, settings: [] } });
  await context.withExamination({ ...database, redis: null }, ({ database: { part, error } }) => {
    // The finished plan shows which of its tables hold sessions.
    if (part === null && !(error instanceof SchemaError)) throw error;
    return Promise.resolve();
  });
}

/**
 * Connects to the Redis of the plan, where it has one.
 * @throws ConfigError where there is no URL or it cannot be read, ConnectionError where Redis does not answer
 */
export async function reachRedis(context: Context, plan: Plan): Promise<void> {
  const settings = await settingsOf(context, plan);
  if (settings.redis === null) return;
  await context.withExamination(settings, ({ secondary }) => {
    if (secondary?.part === null) throw secondary.error;
    return Promise.resolve();
  });
}

async function find(context: Context, plan: Plan): Promise<Finding> {
  const settings = await settingsOf(context, plan);
  const { reading } = plan;
  const schema = {
    ...settings.database.schema,
    ...(reading === null ? {} : { likely: likelyOf(reading) }),
  };
  const redis = settings.redis === null ? null : await lookIntoRedis(context, settings);
  if (redis !== null && !settings.session.storeInDatabase) return redis;
  return context.withDatabase({ ...settings.database, schema }, 'read', async (store) => {
    const newest = store.list(everySession, { sort: { field: 'createdAt', direction: 'desc' }, limit: 1 });
    let newestSession: Instant | null = null;
    for await (const [session] of newest) newestSession = session?.createdAt ?? null;
    return { ...store.schema, cautions: store.cautions, newestSession, now: store.now };
  });
}

/** The secondary storage of a deployment, besides its session table or instead of one. */
async function lookIntoRedis(context: Context, settings: Settings): Promise<Finding> {
  return context.withExamination(settings, async ({ database, secondary }) => {
    if (database.part === null) throw database.error;
    if (secondary === null) throw new Error('no Redis is configured');
    if (secondary.part === null) throw secondary.error;
    const mismatch = (await secondary.part.findMismatch?.()) ?? null;
    await context.note(`found Redis ${secondary.part.place}`);
    if (mismatch !== null) await context.warn(mismatch.text);
    const { server, userTable } = database.part;
    return {
      server,
      sessionTable: null,
      userTable,
      keyType: null,
      timeEncoding: null,
      zoneKnown: true,
      taken: {},
      cautions: [],
      newestSession: null,
      now: await database.part.readClock(),
    };
  });
}

async function tellNewest(
  context: Context,
  { newestSession, now, zoneKnown, sessionTable }: Finding,
  timeZone: string | null,
): Promise<void> {
  if (newestSession === null) {
    if (sessionTable !== null) await context.note('there are no sessions yet');
    return;
  }
  const assumed = timeZone === null ? '' : `, if the application writes ${timeZone}`;
  await context.note(
    `the newest session began ${relativeTime(newestSession, now)} (${newestSession})${assumed}`,
  );
  if (isInFuture({ newestSession, now })) {
    const culprit =
      timeZone === null && zoneKnown
        ? 'the clock of the application or of the database is wrong'
        : `the time zone ${timeZone ?? 'UTC'} is not the application's`;
    await context.warn(`the newest session is in the future: ${culprit}`);
  }
}

/** Whether the newest session cannot have started at the time that is read. */
export function isInFuture({ newestSession, now }: Pick<Finding, 'newestSession' | 'now'>): boolean {
  return newestSession !== null && millisecondsOf(newestSession) - millisecondsOf(now) > FUTURE_TOLERANCE;
}
