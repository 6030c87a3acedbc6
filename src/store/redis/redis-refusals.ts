import { ConnectionError, SessionctlError } from '../../errors.ts';
import { networkRefusal, withoutText } from '../refusals.ts';

/** The meaning of an answer's first word, by Redis's own convention, and the remedy. */
const ANSWERS: Readonly<Record<string, readonly [what: string, hint: string]>> = {
  NOAUTH: ['it needs a password', 'Put it into the URL: redis://:password@host.'],
  WRONGPASS: ['the user or the password is wrong', 'Check the Redis URL of the profile.'],
  NOPERM: [
    'this user may not run a command, or may not run it on these keys',
    'sessionctl needs get, set, mget, getrange, exists, pttl, scan, unlink and eval on the keys of the deployment.',
  ],
  READONLY: [
    'it is a replica, which accepts no writes',
    'Give the primary in the Redis URL, or its sentinels.',
  ],
  OOM: [
    'it is out of memory and accepts no writes',
    'Give it more memory (maxmemory), then run the command again.',
  ],
  MISCONF: [
    'it accepts no writes, since it cannot save to its disk',
    "Check Redis's log, free space on the disk, then run the command again.",
  ],
  NOREPLICAS: [
    'it accepts no writes without enough replicas',
    'Bring the replicas back, then run the command again.',
  ],
  LOADING: ['it is still loading its data', 'Wait a moment, then run the command again.'],
  MASTERDOWN: ['its primary is down', 'Wait for the failover, then run the command again.'],
  CLUSTERDOWN: ['the cluster is down', 'Run CLUSTER INFO on one of its nodes.'],
  BUSY: [
    'it is busy with a script',
    'Wait for the script, or end it with SCRIPT KILL, then run the command again.',
  ],
  MOVED: ['it is a node of a cluster', 'Set cluster = true in [profiles.<name>.redis].'],
  WRONGTYPE: ['a key of Better Auth holds another type than text', 'Is key_prefix right?'],
  ERR: [
    'it refuses a command',
    'The reason may be its version or configuration. sessionctl needs Redis 6 or later.',
  ],
};

/** Messages of the client itself. */
const CLIENT: readonly (readonly [pattern: RegExp, what: string, hint: string])[] = [
  [/max retries per request/i, 'the connection was lost and did not come back', 'Run the command again when Redis is up. Work that was done stays done.'],
  [/connection is closed/i, 'the connection was closed', 'Is the server up, and does it expect TLS (rediss://)?'],
  [/all sentinels are unreachable/i, 'no sentinel knows its address', 'Check sentinels and the name of the master in the URL.'],
  [/failed to refresh slots cache|none of startup nodes/i, 'no node of the cluster answers', 'Check the URL and the password, and that it is a cluster.'],
  [/command timed out/i, 'it does not answer in time', 'Is it overloaded? Run the command again.'],
]; // prettier-ignore

/**
 * Runs work on Redis and turns client errors into errors that name the place and the remedy. Only the first word of an
 * answer is used: the rest may repeat a key, which is a token.
 * @throws ConnectionError
 */
export async function explainedRedis<Result>(place: string, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    throw understood(place, error);
  }
}

/** The first word of Redis's answer, such as `READONLY`. */
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
    hint: 'Its text may contain a token and is not shown: check its log. --verbose shows where it occurred.',
    cause,
  });
}

/** A cluster wraps the errors of its nodes; a client that gave up wraps its last error. */
function innermost(error: Error): Error {
  for (const name of ['lastNodeError', 'previousErrors'] as const) {
    const within: unknown = (error as Readonly<Record<string, unknown>> & Error)[name];
    const first: unknown = Array.isArray(within) ? within.at(-1) : within;
    if (first instanceof Error) return innermost(first);
  }
  return error;
}
