import type {
  DatabaseExamination,
  Opened,
  SecondaryExamination,
  SessionSample,
} from '../sessions/examination.ts';
import { toInstant } from '../sessions/instant.ts';
import type { Mismatch, Target } from '../sessions/session-store.ts';
import { reasonOf } from './carry-out-checks.ts';
import { amount } from './database-checks.ts';
import { command, fail, ok, toml, unknown, warn, type Check, type Verdict } from './finding.ts';

export interface RedisSubject {
  readonly target: Target;
  readonly secondary: Opened<SecondaryExamination> | null;
  readonly database: DatabaseExamination | null;
  /** Of Redis, read once. */
  readonly sample: () => Promise<SessionSample & { readonly withoutLifetime: number }>;
  /** Milliseconds since 1970, by the database's clock. */
  readonly now: number;
  readonly storeInDatabase: boolean;
}

/** Users from which a deployment without a single session is suspected to keep them elsewhere. */
const MANY_USERS = 10;
/** Milliseconds that counting leftovers may take. */
const COUNTING = 8000;

/** Whether Redis is as sessions need it, and holds what the configuration says. */
export function* redisChecks(subject: RedisSubject): Generator<Check> {
  const { secondary, database } = subject;
  const storeMode = {
    id: 'store-mode',
    explanation:
      'With secondaryStorage Better Auth asks Redis first and believes it. What is revoked in the wrong place, or under another key prefix, lives on.',
  };
  if (secondary === null) {
    if (database !== null) yield { ...storeMode, carryOut: () => judgeTableAlone(database, subject.target) };
    return;
  }
  const { part, error } = secondary;
  yield {
    id: 'redis-reachable',
    explanation: 'Sessions in Redis can only be seen and ended through it.',
    carryOut: () => {
      if (part === null) return fail(reasonOf(error), command('sessionctl config show'));
      return ok(`it answers at ${part.place}, prefix ${JSON.stringify(part.keyPrefix)}`);
    },
  };
  if (part === null) return;
  yield {
    id: 'redis-writable',
    explanation:
      'Ending a session deletes its key and changes the list of its user by a script: UNLINK, SET, EVALSHA and SCAN, all of which were tried on a key that nobody has.',
    carryOut: async () => {
      const replicas = await part.servers().then(
        (servers) => servers.filter(({ isReplica }) => isReplica).length,
        () => 0,
      );
      if (replicas > 0)
        return fail(
          `${part.place} is a replica: nothing can be ended there`,
          toml(`${redisHeader(subject.target)}\nurl = "\${PRIMARY_REDIS_URL}"`),
        );
      try {
        await part.rehearse();
        return ok('it takes what ending a session needs');
      } catch (refusal) {
        return fail(
          reasonOf(refusal),
          command(
            `redis-cli ACL SETUSER <user> on '~${part.keyPrefix}*' +get +mget +getrange +set +unlink +exists +pttl +scan +eval +evalsha +info`,
          ),
        );
      }
    },
  };
  yield {
    id: 'redis-eviction',
    explanation:
      'A Redis that evicts keys when its memory is full signs people out at random; Better Auth’s own lists, and what keeps ended sessions ended, go the same way.',
    carryOut: async () => judgeEviction(await part.servers()),
  };
  yield {
    ...storeMode,
    carryOut: async () => {
      if (part.findMismatch === null) return unknown('not known: the database is out of reach');
      const mismatch = await part.findMismatch();
      if (mismatch === null)
        return ok(
          subject.storeInDatabase ? 'sessions stand in Redis and in the table' : 'sessions stand in Redis',
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
      'A key that looks like a session and cannot be read may be a session of anyone. sessionctl ends it only where a row or the list of a user names it.',
    carryOut: async () => {
      const { unreadable, isWhole } = await strays();
      const seen = isWhole ? '' : ', in the part that there was time to look at';
      if (unreadable === 0) return ok(`every key that looks like a session can be read${seen}`);
      return warn(
        `${amount(unreadable)} ${unreadable === 1 ? 'key looks like a session and cannot be read' : 'keys look like sessions and cannot be read'}${seen}`,
        {
          kind: 'typescript',
          text: '// in secondaryStorage: write what Better Auth hands over, as it is\nset: (key, value, ttl) => client.set(key, value, ...),',
        },
      );
    },
  };
  if (subject.storeInDatabase)
    yield {
      id: 'redis-alone',
      explanation:
        'Better Auth believes Redis first: a session whose row was deleted and whose key is still in Redis stays valid.',
      carryOut: async () => {
        const { alone, isWhole } = await strays();
        const seen = isWhole ? '' : ', in the part that there was time to look at';
        if (alone === null) return unknown('not known: the database is out of reach');
        if (alone === 0) return ok(`every session in Redis has its row${seen}`);
        return warn(
          `${amount(alone)} ${alone === 1 ? 'session stands' : 'sessions stand'} in Redis alone, without a row${seen}`,
          command('sessionctl list --json | jq \'.[] | select(.store == "secondary")\''),
        );
      },
    };
  yield {
    id: 'redis-lifetimes',
    explanation:
      'A session without a lifetime in Redis never goes by itself: the adapter of the application drops the ttl that Better Auth hands it.',
    carryOut: async () => {
      const { withoutLifetime, sessions, isWhole } = await subject.sample();
      const of = `of ${amount(sessions.length)} ${isWhole ? '' : 'sampled '}sessions`;
      return withoutLifetime === 0
        ? ok(`every session has one (${of})`)
        : warn(
            `${amount(withoutLifetime)} ${withoutLifetime === 1 ? 'session has' : 'sessions have'} no lifetime (${of})`,
            {
              kind: 'typescript',
              text: "// in secondaryStorage: hand the seconds on\nset: (key, value, ttl) => ttl === undefined ? client.set(key, value) : client.set(key, value, 'EX', ttl),",
            },
          );
    },
  };
  yield {
    id: 'redis-leftovers',
    explanation:
      'Better Auth writes its lists of each user’s sessions without a lock (issue 11073): entries of sessions that are gone gather there, and lists without a lifetime stay for ever.',
    carryOut: async () => {
      if (part.leftovers === null) return unknown('not known: the database is out of reach');
      const found = await part.leftovers(toInstant(subject.now), COUNTING);
      const parts = [
        [found.expired, 'expired session', 'expired sessions'],
        [found.orphans, 'session whose user is gone', 'sessions whose user is gone'],
        [found.indexEntries, 'entry of a session that is gone', 'entries of sessions that are gone'],
        [found.immortalIndexes, 'list without a lifetime', 'lists without a lifetime'],
      ] as const;
      const some = parts.filter(([number]) => number > 0);
      const seen = found.isWhole ? '' : ', in the part that there was time to look at';
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
    return unknown('not known: Redis does not say what it does when its memory is full');
  if (first.evictionPolicy !== 'noeviction')
    return ok(`${first.server}: no limit of memory is set, so nothing is evicted`);
  return ok(`${first.server}: nothing is evicted`);
}

/** Of `@better-auth/redis-storage`; an adapter of one's own may have none. */
const USUAL_PREFIX = 'better-auth:';

async function judgeTableAlone(database: DatabaseExamination, target: Target): Promise<Verdict> {
  const { table } = database;
  if (table === null) return ok('sessions stand in Redis');
  const { sessions } = await table.sample(1);
  if (sessions.length > 0)
    return ok(
      'sessions stand in the table; no Redis is configured, which is right unless the application sets secondaryStorage',
    );
  const users = (await database.countUsers(MANY_USERS)) ?? 0;
  if (users < MANY_USERS) return ok('no Redis is configured, and there is no session yet');
  return warn(
    `${table.name} is empty, though there are users: if the application sets secondaryStorage, its sessions stand in Redis`,
    toml(`${redisHeader(target)}\nurl = "\${REDIS_URL}"\nkey_prefix = "${USUAL_PREFIX}"`),
  );
}

/** What the profile should say. */
function remedyFor({ kind, elsewhere }: Mismatch, target: Target, keyPrefix: string) {
  if (kind === 'rows')
    return toml(
      `# if the application sets storeSessionInDatabase\n[profiles.${target.profile ?? 'production'}.session]\nstore_in_database = true`,
    );
  const [place] = elsewhere;
  if (place === undefined)
    return toml(
      `# as the secondary storage of the application has it, such as\n${redisHeader(target)}\nkey_prefix = ${keyPrefix === USUAL_PREFIX ? '""' : JSON.stringify(USUAL_PREFIX)}`,
    );
  const number =
    place.database === null ? '' : `\nurl = "\${REDIS_URL}"   # ends with /${String(place.database)}`;
  return toml(`${redisHeader(target)}${number}\nkey_prefix = ${JSON.stringify(place.keyPrefix)}`);
}

function redisHeader({ profile }: Pick<Target, 'profile'>): string {
  return `[profiles.${profile ?? 'production'}.redis]`;
}
