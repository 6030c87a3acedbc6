import { idArguments, shellWord } from '../shell-word.ts';
import { tzOffset } from '@date-fns/tz';
import { updatesStandStill } from '../sessions/activity.ts';
import { formatDuration } from '../sessions/duration.ts';
import type { DatabaseExamination, SampledSession, SessionSample } from '../sessions/examination.ts';
import { millisecondsOf, toInstant } from '../sessions/instant.ts';
import type { Target } from '../sessions/reading-store.ts';
import { amount, profileHeader } from './database-checks.ts';
import { command, fail, ok, sql, toml, type Check, type Verdict, unknown, warn } from './finding.ts';
import { addressChecks } from './address-checks.ts';
import { looked, type SessionSubject } from './session-subject.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** Milliseconds. A new sign-in may be dated by a clock that is a little ahead. */
const AHEAD = 5 * MINUTE;
/** Milliseconds that counting may take. */
const COUNTING = 5000;
/** Expired sessions that are a backlog in any case, and those that are one if they are most of the table. */
const BACKLOG = 10_000;
const SMALL_BACKLOG = 50;
/** No wall clock is further from UTC. */
const FURTHEST_ZONE = 14 * HOUR;
/** Ids that a remedy names. */
const NAMED = 5;

/** Checks what the sessions themselves show about the deployment. */
export function* sessionChecks(subject: SessionSubject): Generator<Check> {
  const { database, target, now, sample } = subject;
  const { table } = database;

  if (table !== null) {
    yield {
      id: 'times-readable',
      explanation:
        'A time that is not a date, or has another format than the others in its column, cannot be compared. For Better Auth such a session stays valid. A sweep keeps it, and options that compare times leave it out and count it.',
      carryOut: async () => {
        const { unreadable, ...rest } = await sample();
        const fields = [...new Set(unreadable.flatMap((each) => each.fields))];
        return unreadable.length === 0
          ? ok(`every time can be read (${looked(rest)})`)
          : fail(
              `${count(unreadable, 'session has', 'sessions have')} a time that cannot be read: ${fields.join(', ')} (${looked(rest)})`,
              sql(fields.map((field) => table.fixTimes(field)).join('\n')),
            );
      },
    };
    if (table.isZoneless) {
      yield {
        id: 'time-zone-plausible',
        explanation:
          'With the wrong zone, the newest sessions are in the future, or seem older by whole or half hours. Then sweeps and revocations by time miss sessions, or end live ones.',
        carryOut: async () => judgeZone(await sample(), subject),
      };
    }
    yield {
      id: 'expired-backlog',
      explanation:
        'Better Auth deletes an expired session only when its own cookie comes back, so abandoned ones stay forever. They take up space and slow down look-ups.',
      carryOut: () => judgeBacklog(subject),
    };
  }
  yield {
    id: 'future-sessions',
    explanation:
      'A session that was created in the future comes from a wrong clock or another time zone, or was forged.',
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
      'A session that lasts far longer than expires_in was created with other settings, by other code, or by hand. If most do, expires_in is wrong here, and so are the refreshes and lifetimes that sessionctl reports.',
    carryOut: async () => judgeLifetimes(await sample(), subject),
  };
  yield {
    id: 'activity',
    explanation:
      'Better Auth up to 1.2.8 moves expiresAt at a refresh, but not updatedAt. Then only expires_in shows when a session was last active.',
    carryOut: async () => {
      if (subject.expiresInIsDeclared) return ok('read from updatedAt, and from expiresAt by expires_in');
      const { sessions, ...rest } = await sample();
      return updatesStandStill(sessions, now)
        ? warn(
            `refreshes do not change updatedAt, so --idle-since and --active-after need expires_in (${looked({ sessions, ...rest })})`,
            toml(
              `# the application's session.expiresIn\n[profiles.${target.profile ?? 'production'}.session]\nexpires_in = "7d"`,
            ),
          )
        : ok(`read from updatedAt (${looked({ sessions, ...rest })})`);
    },
  };
  yield {
    id: 'ownerless-sessions',
    explanation: 'A token without a user is a session without an owner. Better Auth creates no such session.',
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
      'Without a foreign key, or with one that does not cascade, the sessions of a deleted user stay. In Redis they stay valid.',
    carryOut: async () => judgeOrphans(await sample(), database),
  };
  if (subject.hasAddresses) yield* addressChecks(subject);
  yield {
    id: 'open-impersonations',
    explanation: 'In an impersonation, an administrator acts as another user. It lasts an hour by default.',
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

function judgeLifetimes(sample: SessionSample, { target, now, expiresIn }: SessionSubject): Verdict {
  // One and a half times as long, and by a day at least, so that differing clocks do not count.
  const far = Math.max(expiresIn * 1.5, expiresIn + DAY);
  const lives = sample.sessions.flatMap((session) => {
    const refreshed = timeOf(session.expiresAt) - expiresIn;
    const begun = Math.max(
      timeOf(session.createdAt),
      timeOf(session.updatedAt),
      // A refresh may have moved only the expiry.
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
  const result = `${count(longest, 'session lasts', 'sessions last')} far longer than expires_in, ${formatDuration(expiresIn)}: the longest ${roughly(first.length)} (${looked(sample)})`;
  const typical = longest[Math.floor(longest.length / 2)]?.length ?? 0;
  return warn(
    result,
    longest.length > lives.length / 2
      ? toml(
          `# if this is the application's session.expiresIn\n[profiles.${target.profile ?? 'production'}.session]\nexpires_in = "${durationSetting(typical)}"`,
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

/** Sign-ins for which the typical gap is computed, and the number that a deployment needs for a verdict. */
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
      `the newest session is ${roughly(ahead)} in the future: the application writes another time zone, further east (${looked(sample)})`,
      zoneRemedy(target, assumed + Math.ceil(ahead / (30 * MINUTE)) * 30),
    );
  const age = -ahead;
  const gaps = times.slice(0, NEWEST).map((time, at) => time - (times[at + 1] ?? time));
  const typical = gaps.sort((a, b) => a - b)[Math.floor(gaps.length / 2)] ?? 0;
  const beyond = age % (30 * MINUTE);
  const isBusy = sample.isWhole && times.length > NEWEST && typical * NEWEST < age;
  if (isBusy && age >= 30 * MINUTE && age <= FURTHEST_ZONE && beyond < Math.max(2 * MINUTE, 5 * typical))
    return warn(
      `the newest session is ${roughly(age)} old, although the usual gap between sessions is ${roughly(typical)}: the application may write another time zone, further west (${looked(sample)})`,
      zoneRemedy(target, assumed - Math.floor(age / (30 * MINUTE)) * 30),
    );
  return ok(
    `the newest session is ${age < MINUTE ? 'of this minute' : `${roughly(age)} old`} (${looked(sample)})`,
  );
}

/** @param minutes by which the clock of the application seems to be ahead of UTC */
function zoneRemedy(target: Target, minutes: number) {
  const sign = minutes < 0 ? '-' : '+';
  const two = (number: number) => String(number).padStart(2, '0');
  const offset = `${sign}${two(Math.floor(Math.abs(minutes) / 60))}:${two(Math.abs(minutes) % 60)}`;
  return toml(
    `# an estimate of the present offset; prefer the name of the zone, such as "Asia/Kolkata"\n${profileHeader(target)}\ntime_zone = "${offset}"`,
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
  if (table === null) return ok('sessions are only in Redis');
  if (preserve) return ok('rows of ended sessions are kept as records, on purpose');
  const dayAgo = toInstant(millisecondsOf(now) - DAY);
  const [expired, rows, swept] = [
    await table.countExpired(dayAgo, COUNTING),
    await table.rows(),
    await lastSweep(),
  ];
  const since = swept === null ? 'no sweep is in the history' : `the last sweep ended at ${swept}`;
  const { sessions, isWhole } = await sample();
  // The statistics of a database may be far too low: then the expired part would be larger than the whole.
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

function count(found: readonly unknown[], one: string, many: string): string {
  return `${amount(found.length)} ${found.length === 1 ? one : many}`;
}

function timeOf(instant: SampledSession['createdAt']): number {
  return instant === null ? -Infinity : millisecondsOf(instant);
}

/** A duration for a reader: `12d`, `5h30m`, `7m`, `20s`. */
export function roughly(milliseconds: number): string {
  const minutes = Math.round(milliseconds / MINUTE);
  if (milliseconds >= 2 * DAY) return `${amount(milliseconds / DAY)}d`;
  if (minutes >= 60)
    return `${String(Math.floor(minutes / 60))}h${minutes % 60 === 0 ? '' : `${String(minutes % 60)}m`}`;
  return minutes >= 2 ? `${String(minutes)}m` : `${String(Math.round(milliseconds / 1000))}s`;
}

/** In the form of the configuration. */
function durationSetting(milliseconds: number): string {
  const size = milliseconds >= 2 * DAY ? DAY : milliseconds >= 2 * HOUR ? HOUR : MINUTE;
  return formatDuration(Math.round(milliseconds / size) * size);
}
