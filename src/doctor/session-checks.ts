import { idArguments, shellWord } from '../shell-word.ts';
import { tzOffset } from '@date-fns/tz';
import { updatesStandStill } from '../sessions/activity.ts';
import { parseAddressRange, rangeHolds, type Ipv6Subnet } from '../sessions/address.ts';
import { formatDuration } from '../sessions/duration.ts';
import type { DatabaseExamination, SampledSession, SessionSample } from '../sessions/examination.ts';
import { longerText, readStoredIpv6, shorterText } from '../sessions/stored-ipv6.ts';
import { millisecondsOf, toInstant, type Instant } from '../sessions/instant.ts';
import type { Target } from '../sessions/session-store.ts';
import { readStoredAddress } from '../sessions/stored-address.ts';
import { amount, profileHeader } from './database-checks.ts';
import { command, fail, ok, sql, toml, unknown, warn, type Check, type Verdict } from './finding.ts';

export interface SessionSubject {
  readonly target: Target;
  readonly database: DatabaseExamination;
  /** The sessions that are looked at: of Redis where it has the say, else of the table. Read once. */
  readonly sample: () => Promise<SessionSample>;
  /** False where the table has no column for addresses, of which nothing can be said then. */
  readonly hasAddresses: boolean;
  /** By the database's clock. */
  readonly now: Instant;
  /** Of the application that writes; null where nobody said, and UTC is assumed. */
  readonly timeZone: string | null;
  /** Milliseconds, as the application has it. */
  readonly expiresIn: number;
  /** The profile gives it. */
  readonly expiresInIsDeclared: boolean;
  readonly preserve: boolean;
  readonly ipv6Subnet: Ipv6Subnet;
  /** When sessionctl last swept this database to its end; null for never, as far as the history says. */
  readonly lastSweep: () => Promise<Instant | null>;
}

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** Milliseconds. A sign-in of this moment may be dated by a clock a little ahead. */
const AHEAD = 5 * MINUTE;
/** Milliseconds that counting may take. */
const COUNTING = 5000;
/** Expired sessions that are a backlog in any case, and those that are one where they are most of the table. */
const BACKLOG = 10_000;
const SMALL_BACKLOG = 50;
/** Users behind one address, and their share of all, from which a proxy is suspected. */
const MANY_USERS = 20;
const SUSPICIOUS_SHARE = 0.5;
/** Sessions without an address, and their share. */
const FEW_SESSIONS = 10;
const MISSING_SHARE = 0.9;
/** No clock on the wall is further from UTC. */
const FURTHEST_ZONE = 14 * HOUR;
/** Ids that a remedy names. */
const NAMED = 5;

/** What the sessions themselves say of the deployment. */
export function* sessionChecks(subject: SessionSubject): Generator<Check> {
  const { database, target, now, sample } = subject;
  const { table } = database;

  if (table !== null) {
    yield {
      id: 'times-readable',
      explanation:
        'A time that is no date, or in another form than the others of its column, cannot be compared. Better Auth lets such a session live; a sweep keeps it, and options that compare times leave it out and count it.',
      carryOut: async () => {
        const { unreadable, ...rest } = await sample();
        const fields = [...new Set(unreadable.flatMap((each) => each.fields))];
        return unreadable.length === 0
          ? ok(`every time can be read (${looked(rest)})`)
          : fail(
              `${count(unreadable, 'session holds', 'sessions hold')} a time that cannot be read: ${fields.join(', ')} (${looked(rest)})`,
              sql(fields.map((field) => table.fixTimes(field)).join('\n')),
            );
      },
    };
    if (table.isZoneless) {
      yield {
        id: 'time-zone-plausible',
        explanation:
          'With the wrong zone the newest sessions lie in the future, or seem hours old by whole or half hours: then sweeps and revocations by time miss, or hit live sessions.',
        carryOut: async () => judgeZone(await sample(), subject),
      };
    }
    yield {
      id: 'expired-backlog',
      explanation:
        'Better Auth deletes an expired session only when its own cookie comes back, so abandoned ones stay for ever: they cost space, and look-ups read past them.',
      carryOut: () => judgeBacklog(subject),
    };
  }
  yield {
    id: 'future-sessions',
    explanation:
      'A session that was created in the future was written by a clock that is wrong, by another time zone, or by somebody who made it up.',
    carryOut: async () => {
      const looking = await sample();
      const limit = millisecondsOf(now) + AHEAD;
      const future = looking.sessions.filter((each) => timeOf(each.createdAt) > limit);
      return future.length === 0
        ? ok(`none (${looked(looking)})`)
        : warn(
            `${count(future, 'session was', 'sessions were')} created in the future (${looked(looking)})`,
            command(revokeIds(future.map(({ id }) => id))),
          );
    },
  };
  yield {
    id: 'long-lived-sessions',
    explanation:
      'A session that lives far longer than expires_in was made by other settings, by other code, or by hand. Where most do, expires_in is configured wrongly here, and what sessionctl says of refreshes and lifetimes with it.',
    carryOut: async () => judgeLifetimes(await sample(), subject),
  };
  yield {
    id: 'activity',
    explanation:
      'Better Auth up to 1.2.8 moves expiresAt at a refresh and leaves updatedAt as it is. Then only expires_in tells when a session was last active.',
    carryOut: async () => {
      if (subject.expiresInIsDeclared) return ok('read from updatedAt, and from expiresAt by expires_in');
      const { sessions, ...rest } = await sample();
      return updatesStandStill(sessions, now)
        ? warn(
            `refreshes leave updatedAt as it is, so --idle-since and --active-after need expires_in (${looked({ sessions, ...rest })})`,
            toml(
              `# as session.expiresIn of the application says\n[profiles.${target.profile ?? 'production'}.session]\nexpires_in = "7d"`,
            ),
          )
        : ok(`read from updatedAt (${looked({ sessions, ...rest })})`);
    },
  };
  yield {
    id: 'ownerless-sessions',
    explanation: 'A token without a user is a session that belongs to nobody: Better Auth makes none.',
    carryOut: async () => {
      const looking = await sample();
      const ownerless = looking.sessions.filter(({ userId }) => userId === null || userId === '');
      return ownerless.length === 0
        ? ok(`none (${looked(looking)})`)
        : warn(
            `${count(ownerless, 'session has', 'sessions have')} no user (${looked(looking)})`,
            command(revokeIds(ownerless.map(({ id }) => id))),
          );
    },
  };
  yield {
    id: 'orphan-sessions',
    explanation:
      'Without a foreign key, or with one that does not cascade, the sessions of a user who is deleted stay behind. In Redis they go on answering.',
    carryOut: async () => judgeOrphans(await sample(), database),
  };
  if (subject.hasAddresses) yield* addressChecks(subject);
  yield {
    id: 'open-impersonations',
    explanation:
      'Sessions that an administrator opened as somebody else answer as that user. They last an hour by default.',
    carryOut: async () => {
      const looking = await sample();
      const open = looking.sessions.filter(
        ({ isImpersonation, expiresAt }) => isImpersonation && expiresAt !== null && expiresAt >= now,
      );
      return open.length === 0
        ? ok(`none (${looked(looking)})`)
        : warn(
            `${count(open, 'impersonation is', 'impersonations are')} still open (${looked(looking)})`,
            command('sessionctl list --impersonated\nsessionctl revoke-all --impersonated --dry-run'),
          );
    },
  };
}

/** What stored addresses say. */
function* addressChecks(subject: SessionSubject): Generator<Check> {
  yield {
    id: 'shared-address',
    explanation:
      'Where many users come from one address, or none has one, a proxy stands in front and the application does not read the client’s address: sessions cannot be told apart by it, and one rate limit holds for all.',
    carryOut: async () => judgeAddresses(await subject.sample(), subject.now),
  };
  yield {
    id: 'ipv6-subnet',
    explanation:
      'Better Auth stores only the beginning of an IPv6 address (advanced.ipAddress.ipv6Subnet). Where ipv6_subnet says another length, --ip and --except-ip mean other sessions than they should.',
    carryOut: async () => judgeIpv6Subnet(await subject.sample(), subject),
  };
}

function judgeLifetimes(sample: SessionSample, { target, now, expiresIn }: SessionSubject): Verdict {
  // Half as long again, and a day: a deployment whose clocks differ is not meant.
  const far = Math.max(expiresIn * 1.5, expiresIn + DAY);
  const lives = sample.sessions.flatMap((session) => {
    const refreshed = timeOf(session.expiresAt) - expiresIn;
    const begun = Math.max(
      timeOf(session.createdAt),
      timeOf(session.updatedAt),
      // A refresh may have moved the expiry alone.
      refreshed <= millisecondsOf(now) + AHEAD ? refreshed : -Infinity,
    );
    return session.expiresAt === null || begun === -Infinity
      ? []
      : [{ session, length: timeOf(session.expiresAt) - begun }];
  });
  const longest = lives.filter(({ length }) => length > far).sort((a, b) => b.length - a.length);
  const [first] = longest;
  if (first === undefined)
    return ok(`none beyond expires_in, ${formatDuration(expiresIn)} (${looked(sample)})`);
  const result = `${count(longest, 'session lives', 'sessions live')} far longer than expires_in, ${formatDuration(expiresIn)}: the longest ${roughly(first.length)} (${looked(sample)})`;
  const typical = longest[Math.floor(longest.length / 2)]?.length ?? 0;
  return warn(
    result,
    longest.length > lives.length / 2
      ? toml(
          `# if session.expiresIn of the application says so\n[profiles.${target.profile ?? 'production'}.session]\nexpires_in = "${durationSetting(typical)}"`,
        )
      : command(revokeIds(longest.map(({ session }) => session.id))),
  );
}

async function judgeOrphans(
  sample: SessionSample,
  { existingUserIds, table }: DatabaseExamination,
): Promise<Verdict> {
  if (existingUserIds === null) return unknown('not known: there is no user table');
  const owners = [...new Set(sample.sessions.flatMap(({ userId }) => userId ?? []))];
  const known = await existingUserIds(owners);
  const gone = new Set(owners.filter((id) => !known.has(id)));
  const orphans = sample.sessions.filter(({ userId }) => userId !== null && gone.has(userId));
  if (orphans.length === 0) return ok(`every session has a user (${looked(sample)})`);
  const result = `${count(orphans, 'session belongs', 'sessions belong')} to ${count([...gone], 'user who is', 'users who are')} gone (${looked(sample)})`;
  const deletion = table?.deleteOrphans ?? null;
  if (gone.size <= NAMED || deletion === null) {
    const users = [...gone].slice(0, NAMED).map((id) => `--user=${shellWord(id)}`);
    return warn(result, command(`sessionctl revoke-all ${users.join(' ')} --reason 'user is gone'`));
  }
  return warn(result, sql(deletion));
}

function judgeAddresses({ sessions, ...rest }: SessionSample, now: Instant): Verdict {
  const live = sessions.filter(({ expiresAt }) => expiresAt !== null && expiresAt >= now);
  const without = live.filter(({ ipAddress }) => ipAddress === null || ipAddress.trim() === '');
  const remedy = {
    kind: 'typescript' as const,
    text: "// in betterAuth({ … }): the header in which the proxy in front hands the client's address on\nadvanced: { ipAddress: { ipAddressHeaders: ['x-forwarded-for'] } },",
  };
  if (live.length >= FEW_SESSIONS && without.length >= live.length * MISSING_SHARE)
    return warn(
      `${amount(without.length)} of ${amount(live.length)} active sessions have no address (${looked({ sessions, ...rest })})`,
      remedy,
    );
  const users = new Map<string, { readonly address: string; readonly ids: Set<string> }>();
  for (const { ipAddress, userId } of live) {
    const address = ipAddress?.trim() ?? '';
    if (address === '' || userId === null) continue;
    // Of one address, several texts: early releases stored its port.
    const key = readStoredAddress(address).key ?? address;
    const shared = users.get(key) ?? { address, ids: new Set() };
    users.set(key, { ...shared, ids: shared.ids.add(userId) });
  }
  const everybody = new Set(live.flatMap(({ userId }) => userId ?? [])).size;
  const [most] = [...users].sort(([, one], [, other]) => other.ids.size - one.ids.size);
  if (most === undefined) return ok(`no address is shared by many users (${looked({ sessions, ...rest })})`);
  const [key, { address, ids }] = most;
  const { size } = ids;
  if (size < MANY_USERS || size < everybody * SUSPICIOUS_SHARE)
    return ok(`no address is shared by many users (${looked({ sessions, ...rest })})`);
  const inner = isPrivate(key) ? ', an address of a private network' : '';
  return warn(
    `${amount(size)} of ${amount(everybody)} users come from ${address}${inner} (${looked({ sessions, ...rest })})`,
    remedy,
  );
}

function judgeIpv6Subnet(sample: SessionSample, { ipv6Subnet, target }: SessionSubject): Verdict {
  const stored = readStoredIpv6(
    sample.sessions.map(({ ipAddress }) => ipAddress),
    ipv6Subnet,
  );
  const { bits, longer } = stored;
  if (bits === null) return ok(`no IPv6 address is stored (${looked(sample)})`);
  if (longer === 0 && bits === ipv6Subnet)
    return ok(`IPv6 addresses are stored by their /${String(bits)} (${looked(sample)})`);
  return warn(
    `${longer > 0 ? longerText(stored, ipv6Subnet) : shorterText(stored, ipv6Subnet)} (${looked(sample)})`,
    toml(
      `# if advanced.ipAddress.ipv6Subnet of the application says so\n[profiles.${target.profile ?? 'production'}.ip]\nipv6_subnet = ${String(bits)}`,
    ),
  );
}

const PRIVATE = ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '127.0.0.0/8', '100.64.0.0/10', 'fc00::/7'];

function isPrivate(key: string): boolean {
  return PRIVATE.map(parseAddressRange).some((range) => rangeHolds(range, key));
}

/** Sign-ins between which the typical gap is taken, and those of a deployment that is busy enough to tell. */
const NEWEST = 20;

function judgeZone(sample: SessionSample, { target, now, timeZone }: SessionSubject): Verdict {
  const present = millisecondsOf(now);
  const assumed = tzOffset(timeZone ?? 'UTC', new Date(present));
  const times = sample.sessions
    .map(({ updatedAt, createdAt }) => Math.max(timeOf(updatedAt), timeOf(createdAt)))
    .filter((time) => time !== -Infinity)
    .sort((a, b) => b - a);
  const [newest] = times;
  if (newest === undefined) return ok('no session to judge the time zone by');
  const ahead = newest - present;
  if (ahead > AHEAD && ahead <= FURTHEST_ZONE)
    return fail(
      `the newest session lies ${roughly(ahead)} in the future: the application writes another time zone, further east (${looked(sample)})`,
      zoneRemedy(target, assumed + Math.ceil(ahead / (30 * MINUTE)) * 30),
    );
  const age = -ahead;
  const gaps = times.slice(0, NEWEST).map((time, at) => time - (times[at + 1] ?? time));
  const typical = gaps.sort((a, b) => a - b)[Math.floor(gaps.length / 2)] ?? 0;
  const beyond = age % (30 * MINUTE);
  const isBusy = sample.isWhole && times.length > NEWEST && typical * NEWEST < age;
  if (isBusy && age >= 30 * MINUTE && age <= FURTHEST_ZONE && beyond < Math.max(2 * MINUTE, 5 * typical))
    return warn(
      `the newest session is ${roughly(age)} old, though one follows the other within ${roughly(typical)}: the application may write another time zone, further west (${looked(sample)})`,
      zoneRemedy(target, assumed - Math.floor(age / (30 * MINUTE)) * 30),
    );
  return ok(
    `the newest session is ${age < MINUTE ? 'of this minute' : `${roughly(age)} old`} (${looked(sample)})`,
  );
}

/** @param minutes by which the clock that writes seems to be ahead of UTC */
function zoneRemedy(target: Target, minutes: number) {
  const sign = minutes < 0 ? '-' : '+';
  const two = (number: number) => String(number).padStart(2, '0');
  const offset = `${sign}${two(Math.floor(Math.abs(minutes) / 60))}:${two(Math.abs(minutes) % 60)}`;
  return toml(
    `# as it seems at present; better the name of the zone, such as "Asia/Kolkata"\n${profileHeader(target)}\ntime_zone = "${offset}"`,
  );
}

async function judgeBacklog({
  database,
  now,
  sample,
  preserve,
  lastSweep,
}: SessionSubject): Promise<Verdict> {
  const { table } = database;
  if (table === null) return ok('sessions stand in Redis alone');
  if (preserve) return ok('rows of ended sessions are kept as records, on purpose');
  const dayAgo = toInstant(millisecondsOf(now) - DAY);
  const [expired, rows, swept] = [
    await table.countExpired(dayAgo, COUNTING),
    await table.rows(),
    await lastSweep(),
  ];
  const since = swept === null ? 'no sweep is in the history' : `the last sweep ended at ${swept}`;
  const { sessions, isWhole } = await sample();
  // The statistics of a database may be far below what is there: a part would be more than its whole.
  const counted = isWhole ? sessions.length : await table.countAll(COUNTING);
  const all = Math.max(counted ?? rows, sessions.length, expired ?? 0);
  const share = sessions.filter(({ expiresAt }) => expiresAt !== null && expiresAt < dayAgo).length;
  const remedy = command(
    'sessionctl sweep --dry-run\nsessionctl sweep --grace 7d\n# and every hour, in a crontab:\n17 * * * *  sessionctl sweep -q --grace 7d --max-runtime 30m',
  );
  if (expired === null) {
    const guess = sessions.length === 0 ? 0 : (share / sessions.length) * all;
    const result = `about ${amount(guess)} of ${amount(all)} sessions expired more than a day ago (too many to count; by a sample); ${since}`;
    return guess >= BACKLOG ? warn(result, remedy) : ok(result);
  }
  const result = `${amount(expired)} of ${counted === null ? 'about ' : ''}${amount(all)} sessions expired more than a day ago; ${since}`;
  const isBacklog = expired >= BACKLOG || (expired >= SMALL_BACKLOG && expired * 2 > all);
  return isBacklog ? warn(result, remedy) : ok(result);
}

function revokeIds(ids: readonly string[]): string {
  const some = ids.slice(0, NAMED);
  const shown = some.slice(0, 1).map((id) => `sessionctl show ${idArguments([id])}`);
  return [...shown, `sessionctl revoke --reason 'found by doctor' ${idArguments(some)}`].join('\n');
}

function looked({ sessions, isWhole }: Pick<SessionSample, 'sessions' | 'isWhole'>): string {
  const some = `${amount(sessions.length)} ${sessions.length === 1 ? 'session' : 'sessions'}`;
  return isWhole ? `of ${some}` : `in a sample of ${some}`;
}

function count(found: readonly unknown[], one: string, many: string): string {
  return `${amount(found.length)} ${found.length === 1 ? one : many}`;
}

function timeOf(instant: SampledSession['createdAt']): number {
  return instant === null ? -Infinity : millisecondsOf(instant);
}

/** A length for a person: `12d`, `5h30m`, `7m`, `20s`. */
export function roughly(milliseconds: number): string {
  const minutes = Math.round(milliseconds / MINUTE);
  if (milliseconds >= 2 * DAY) return `${amount(milliseconds / DAY)}d`;
  if (minutes >= 60)
    return `${String(Math.floor(minutes / 60))}h${minutes % 60 === 0 ? '' : `${String(minutes % 60)}m`}`;
  return minutes >= 2 ? `${String(minutes)}m` : `${String(Math.round(milliseconds / 1000))}s`;
}

/** As the configuration has it. */
function durationSetting(milliseconds: number): string {
  const size = milliseconds >= 2 * DAY ? DAY : milliseconds >= 2 * HOUR ? HOUR : MINUTE;
  return formatDuration(Math.round(milliseconds / size) * size);
}
