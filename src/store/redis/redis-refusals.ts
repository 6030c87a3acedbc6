import { ConnectionError, SessionctlError } from '../../errors.ts';
import { networkRefusal, withoutText } from '../refusals.ts';

/** What the first word of an answer means, by Redis's own convention, and the way out. */
const ANSWERS: Readonly<Record<string, readonly [what: string, hint: string]>> = {
  NOAUTH: ['it wants a password', 'Put it into the URL: redis://:password@host.'],
  WRONGPASS: ['user or password is wrong', 'Check the Redis URL of the profile.'],
  NOPERM: [
    'this user may not run a command, or not on these keys',
    'sessionctl needs get, set, mget, getrange, exists, pttl, scan, unlink, eval and evalsha on the keys of the deployment.',
  ],
  READONLY: [
    'it is a replica, which takes no writes',
    'Name the primary in the Redis URL, or its sentinels.',
  ],
  OOM: ['it is out of memory and takes no writes', 'Give it room (maxmemory), then run the command again.'],
  MISCONF: [
    'it takes no writes, since it cannot save to its disk',
    "Look into Redis's log; free the disk, then run the command again.",
  ],
  NOREPLICAS: [
    'it takes no writes without enough replicas',
    'Bring the replicas back, then run the command again.',
  ],
  LOADING: ['it is still loading its data', 'Run the command again in a while.'],
  MASTERDOWN: ['its primary is down', 'Wait for the failover, then run the command again.'],
  CLUSTERDOWN: ['the cluster is down', 'Look at CLUSTER INFO on one of its nodes.'],
  BUSY: ['a script keeps it busy', 'Wait for it, or end it with SCRIPT KILL, then run the command again.'],
  MOVED: ['it is a node of a cluster', 'Set cluster = true in [profiles.<name>.redis].'],
  WRONGTYPE: ['a key of Better Auth holds something else than text', 'Is key_prefix right?'],
  ERR: ['it refuses a command', 'Its version or configuration may be the reason; Redis 6 and later will do.'],
};

/** Messages of the client itself. */
const CLIENT: readonly (readonly [pattern: RegExp, what: string, hint: string])[] = [
  [/max retries per request/i, 'the connection was lost and does not come back', 'Run the command again when Redis is up: what was done stays done.'],
  [/connection is closed/i, 'the connection was closed', 'Is the server up, and does it expect TLS (rediss://)?'],
  [/all sentinels are unreachable/i, 'no sentinel knows its address', 'Check sentinels and the name of the master in the URL.'],
  [/failed to refresh slots cache|none of startup nodes/i, 'no node of the cluster answers', 'Check the URL, the password and that it is a cluster.'],
  [/command timed out/i, 'it does not answer in time', 'Is it overloaded? Run the command again.'],
]; // prettier-ignore

/**
 * Runs work on Redis and turns what the client throws into errors that name the place and the way out. Of an answer only
 * its first word is used: the rest may repeat a key, which is a token.
 * @throws ConnectionError
 */
export async function explainedRedis<Result>(place: string, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    throw understood(place, error);
  }
}

/** The first word of what Redis answered, such as `READONLY`. */
export function answerWord(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  return /^-?([A-Z]{2,})\b/.exec(error.message)?.[1];
}

function understood(place: string, error: unknown): unknown {
  if (error instanceof SessionctlError || !(error instanceof Error)) return error;
  const cause = withoutText(error);
  const inner = innermost(error);
  const known = ANSWERS[answerWord(inner) ?? ''];
  if (known !== undefined)
    return new ConnectionError(`Redis ${place}: ${known[0]}`, { hint: known[1], cause });
  const network = networkRefusal(inner, `Redis ${place}`);
  if (network !== undefined) return new ConnectionError(network.message, { hint: network.hint, cause });
  const own = CLIENT.find(([pattern]) => pattern.test(inner.message));
  if (own !== undefined) return new ConnectionError(`Redis ${place}: ${own[1]}`, { hint: own[2], cause });
  if (inner.name !== 'ReplyError') return error;
  return new ConnectionError(`Redis ${place} refused (code ${answerWord(inner) ?? 'none'})`, {
    hint: 'Its text may hold a token and is not shown: look into its log. --verbose shows where it arose.',
    cause,
  });
}

/** A cluster wraps what its nodes said; a client that gave up, what it last met. */
function innermost(error: Error): Error {
  for (const name of ['lastNodeError', 'previousErrors'] as const) {
    const within: unknown = (error as Readonly<Record<string, unknown>> & Error)[name];
    const first: unknown = Array.isArray(within) ? within.at(-1) : within;
    if (first instanceof Error) return innermost(first);
  }
  return error;
}
