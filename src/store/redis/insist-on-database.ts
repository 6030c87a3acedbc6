import type { Redis } from 'ioredis';
import { ConnectionError } from '../../errors.ts';
import { withoutText } from '../refusals.ts';
import { answerWord } from './redis-refusals.ts';

/**
 * Makes sure that nothing is done in another database than that of the URL. The client selects it on every connection that
 * it makes, those after a failover or a lost connection too; but where the server refuses, it tells that as an event and
 * goes on in database 0 (ioredis 6.0.0, `getHandshakeCommands`). Here such a connection never becomes ready and is closed.
 * @param client not connected yet
 * @param place for the message
 * @returns is aborted, with a ConnectionError for its reason, once the server has refused
 */
export function insistOnDatabase(client: Redis, place: string): AbortSignal {
  const refused = new AbortController();
  const select = client.select.bind(client);
  client.select = async (database) => {
    try {
      return await select(database);
    } catch (error) {
      const word = answerWord(error);
      // Whoever has not shown a password may do nothing at all, and a connection that broke in between is made anew.
      if (word === 'NOAUTH' || (word === undefined && client.status !== 'connect')) throw error;
      refused.abort(refusalOf(place, Number(database), word, error));
      client.disconnect();
      // Any answer would let the client go on.
      return new Promise<never>(() => undefined);
    }
  };
  return refused.signal;
}

function refusalOf(
  place: string,
  database: number,
  word: string | undefined,
  error: unknown,
): ConnectionError {
  const [why, hint] = reasonOf(word);
  return new ConnectionError(`Redis ${place}: cannot select database ${String(database)}: ${why}`, {
    hint,
    cause: error instanceof Error ? withoutText(error) : undefined,
  });
}

function reasonOf(word: string | undefined): readonly [why: string, hint: string] {
  if (word === 'NOPERM')
    return [
      'this user may not run SELECT',
      'Give the user +select, as any database but 0 needs it; or mend the number at the end of the Redis URL.',
    ];
  if (word === 'ERR')
    return [
      'the server has no such database',
      'Mend the number at the end of the Redis URL; `databases` in the configuration of Redis says how many there are, and a cluster has 0 alone.',
    ];
  if (word === undefined) return ['it does not answer in time', 'Is it overloaded? Run the command again.'];
  return ['it refuses', 'Mend the number at the end of the Redis URL, or look into the log of Redis.'];
}
