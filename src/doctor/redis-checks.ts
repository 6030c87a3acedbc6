import type {
  DatabaseExamination,
  Opened,
  SecondaryExamination,
  SessionSample,
} from '../sessions/examination.ts';
import { toInstant } from '../sessions/instant.ts';
import type { Mismatch, Target } from '../sessions/reading-store.ts';
import { reasonOf } from './carry-out-checks.ts';
import { amount } from './database-checks.ts';
import { command, fail, ok, toml, type Check, type Verdict, unknown, warn } from './finding.ts';

export interface RedisSubject {
  readonly target: Target;
  readonly secondary: Opened<SecondaryExamination> | null;
  readonly database: DatabaseExamination | null;
  /** Sessions in Redis, read once. */
  readonly sample: () => Promise<SessionSample & { readonly withoutLifetime: number }>;
  /** Milliseconds since 1970, by the database's clock. */
  readonly now: number;
  readonly storeInDatabase: boolean;
}

/** With this many users and no session at all, sessions are suspected to be elsewhere. */
const MANY_USERS = 10;
/** Milliseconds that counting leftovers may take. */
const COUNTING = 8000;

/** Checks whether Redis works for sessions, and agrees with the configuration. */
export function* redisChecks(subject: RedisSubject): Generator<Check> {
  const { secondary, database } = subject;
  const storeMode = {
    id: 'store-mode',
    explanation:
      'With secondaryStorage Better Auth asks Redis first and trusts it. A session revoked in the wrong place, or under another key prefix, stays valid.',
  };
  if (secondary === null) {
    if (database !== null) yield { ...storeMode, carryOut: () => judgeTableAlone(database, subject.target) };
    return;
  }
  const { part, error } = secondary;
  yield {
    id: 'redis-reachable',
    explanation: 'Sessions in Redis can be listed and ended only there.',
    carryOut: () => {
      if (part === null) return fail(reasonOf(error), command('sessionctl config show'));
      return ok(`it answers at ${part.place}, prefix ${JSON.stringify(part.keyPrefix)}`);
    },
  };
  if (part === null) return;
  yield {
    id: 'redis-writable',
    explanation:
      'Ending a session deletes its key and changes the list of its user by a script. UNLINK, SET, EVAL and SCAN were tried on a key that no user has.',
    carryOut: async () => {
      const replicas = await part.servers().then(
        (servers) => servers.filter(({ isReplica }) => isReplica).length,
        () => 0,
      );
      if (replicas > 0)
        return fail(
          `${part.place} is a replica: no session can be ended there`,
          toml(`${redisHeader(subject.target)}\nurl = "\${PRIMARY_REDIS_URL}"`),
        );
      try {
        await part.rehearse();
        return ok('it accepts the commands that ending a session needs');
      } catch (refusal) {
        return fail(
          reasonOf(refusal),
          command(
            `redis-cli ACL SETUSER <user> on '~${part.keyPrefix}*' +get +mget +getrange +set +unlink +exists +pttl +scan +eval +info`,
          ),
        );
      }
    },
  };
  yield {
    id: 'redis-eviction',
    explanation:
      'A Redis that evicts keys when its memory is full signs out users at random. It also evicts Better Auth’s own lists, and the marks that keep ended sessions ended.',
    carryOut: async () => judgeEviction(await part.servers()),
  };
  yield {
    ...storeMode,
    carryOut: async () => {
      if (part.findMismatch === null) return unknown('not known: the database cannot be reached');
      const mismatch = await part.findMismatch();
      if (mismatch === null)
        return ok(
          subject.storeInDatabase ? 'sessions are in Redis and in the table' : 'sessions are in Redis',
        );
      const judge = mismatch.kind === 'nothing' || mismatch.kind === 'strangers' ? fail : warn;
      return judge(mismatch.text, remedyFor(mismatch, subject.target, part.keyPrefix));
    },
  };
  let counted: ReturnType<SecondaryExamination['strays']> | null = null;
  const strays = () => (counted ??= part.strays(COUNTING));
  yield {
    id: 'redis-values',
    explanation:
      'A key that looks like a session but cannot be read may be any user’s session. sessionctl ends it only if a row or a user’s list names it.',
    carryOut: async () => {
      const { unreadable, isWhole } = await strays();
      const seen = isWhole ? '' : ', in the part that there was time to check';
      if (unreadable === 0) return ok(`every key that looks like a session can be read${seen}`);
      return warn(
        `${amount(unreadable)} ${unreadable === 1 ? 'key looks like a session and cannot be read' : 'keys look like sessions and cannot be read'}${seen}`,
        {
          kind: 'typescript',
          text: '// in secondaryStorage: write the value from Better Auth unchanged\nset: (key, value, ttl) => client.set(key, value, ...),',
        },
      );
    },
  };
  if (subject.storeInDatabase)
    yield {
      id: 'redis-alone',
      explanation:
        'Better Auth trusts Redis first: a session whose row was deleted but whose key is still in Redis stays valid.',
      carryOut: async () => {
        const { alone, isWhole } = await strays();
        const seen = isWhole ? '' : ', in the part that there was time to check';
        if (alone === null) return unknown('not known: the database cannot be reached');
        if (alone === 0) return ok(`every session in Redis has its row${seen}`);
        return warn(
          `${amount(alone)} ${alone === 1 ? 'session is' : 'sessions are'} only in Redis, without a row${seen}`,
          command('sessionctl list --json | jq \'.[] | select(.store == "secondary")\''),
        );
      },
    };
  yield {
    id: 'redis-lifetimes',
    explanation:
      'A session without a lifetime in Redis never expires there: the application’s adapter ignores the ttl that Better Auth passes to it.',
    carryOut: async () => {
      const { withoutLifetime, sessions, isWhole } = await subject.sample();
      const of = `of ${amount(sessions.length)} ${isWhole ? '' : 'sampled '}sessions`;
      return withoutLifetime === 0
        ? ok(`every session has one (${of})`)
        : warn(
            `${amount(withoutLifetime)} ${withoutLifetime === 1 ? 'session has' : 'sessions have'} no lifetime (${of})`,
            {
              kind: 'typescript',
              text: "// in secondaryStorage: pass the seconds on\nset: (key, value, ttl) => ttl === undefined ? client.set(key, value) : client.set(key, value, 'EX', ttl),",
            },
          );
    },
  };
  yield {
    id: 'redis-leftovers',
    explanation:
      'Better Auth writes its lists of each user’s sessions without a lock (issue 11073): entries of ended sessions accumulate there, and lists without a lifetime stay forever.',
    carryOut: async () => {
      if (part.leftovers === null) return unknown('not known: the database cannot be reached');
      const found = await part.leftovers(toInstant(subject.now), COUNTING);
      const parts = [
        [found.expired, 'expired session', 'expired sessions'],
        [found.orphans, 'session of a deleted user', 'sessions of deleted users'],
        [found.indexEntries, 'entry of an ended session', 'entries of ended sessions'],
        [found.immortalIndexes, 'list without a lifetime', 'lists without a lifetime'],
      ] as const;
      const some = parts.filter(([number]) => number > 0);
      const seen = found.isWhole ? '' : ', in the part that there was time to check';
      const [remark] = found.remarks;
      if (remark !== undefined) return warn(remark, command('sessionctl config show'));
      return some.length === 0
        ? ok(`none${seen}`)
        : warn(
            `${some.map(([number, one, many]) => `${amount(number)} ${number === 1 ? one : many}`).join(', ')}${seen}`,
            command('sessionctl sweep --dry-run\nsessionctl sweep'),
          );
    },
  };
}

function judgeEviction(servers: Awaited<ReturnType<SecondaryExamination['servers']>>): Verdict {
  const evicting = servers.find(
    ({ evictionPolicy, memoryLimit }) =>
      evictionPolicy !== null && evictionPolicy !== 'noeviction' && memoryLimit !== 0,
  );
  if (evicting !== undefined)
    return warn(
      `${evicting.server} evicts keys when its memory is full (${evicting.evictionPolicy ?? ''})`,
      command('redis-cli CONFIG SET maxmemory-policy noeviction && redis-cli CONFIG REWRITE'),
    );
  const [first] = servers;
  if (first === undefined || servers.some(({ evictionPolicy }) => evictionPolicy === null))
    return unknown('not known: Redis does not report its policy for full memory');
  if (first.evictionPolicy !== 'noeviction')
    return ok(`${first.server}: no memory limit is set, so no key is evicted`);
  return ok(`${first.server}: no key is evicted`);
}

/** Of `@better-auth/redis-storage`; a custom adapter may have none. */
const USUAL_PREFIX = 'better-auth:';

async function judgeTableAlone(database: DatabaseExamination, target: Target): Promise<Verdict> {
  const { table } = database;
  if (table === null) return ok('sessions are in Redis');
  const { sessions } = await table.sample(1);
  if (sessions.length > 0)
    return ok(
      'sessions are in the table; no Redis is configured, which is right unless the application sets secondaryStorage',
    );
  const users = (await database.countUsers(MANY_USERS)) ?? 0;
  if (users < MANY_USERS) return ok('no Redis is configured, and there is no session yet');
  return warn(
    `${table.name} is empty, although there are users: if the application sets secondaryStorage, its sessions are in Redis`,
    toml(`${redisHeader(target)}\nurl = "\${REDIS_URL}"\nkey_prefix = "${USUAL_PREFIX}"`),
  );
}

/** The setting that the profile needs. */
function remedyFor({ kind, elsewhere }: Mismatch, target: Target, keyPrefix: string) {
  if (kind === 'rows')
    return toml(
      `# if the application sets storeSessionInDatabase\n[profiles.${target.profile ?? 'production'}.session]\nstore_in_database = true`,
    );
  const [place] = elsewhere;
  if (place === undefined)
    return toml(
      `# the prefix of the application's secondary storage, such as\n${redisHeader(target)}\nkey_prefix = ${keyPrefix === USUAL_PREFIX ? '""' : JSON.stringify(USUAL_PREFIX)}`,
    );
  const number =
    place.database === null ? '' : `\nurl = "\${REDIS_URL}"   # ends with /${String(place.database)}`;
  return toml(`${redisHeader(target)}${number}\nkey_prefix = ${JSON.stringify(place.keyPrefix)}`);
}

function redisHeader({ profile }: Pick<Target, 'profile'>): string {
  return `[profiles.${profile ?? 'production'}.redis]`;
}
