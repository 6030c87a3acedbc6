import type { Redis } from 'ioredis';
import { ConnectionError } from '../../errors.ts';
import { withoutText } from '../refusals.ts';
import { answerWord } from './redis-refusals.ts';

/**
 * Makes sure that no command runs in another database than that of the URL. The client selects the database on every
 * connection that it opens, also after a failover or a lost connection. But where the server refuses, the client only
 * emits an event and continues in database 0 (ioredis 6.0.0, `getHandshakeCommands`). Here such a connection never
 * becomes ready and is closed.
 * @param client not connected yet
 * @param place for the message
 * @returns a signal that is aborted, with a ConnectionError as its reason, once the server has refused
 */
export function insistOnDatabase(client: Redis, place: string): AbortSignal {
  const refused = new AbortController();
  const select = client.select.bind(client);
  client.select = async (database) => {
    try {
      return await select(database);
    } catch (error) {
      const word = answerWord(error);
      // A client that has not yet sent a password may do nothing, and a broken connection is opened again.
      if (word === 'NOAUTH' || (word === undefined && client.status !== 'connect')) throw error;
      refused.abort(refusalOf(place, Number(database), word, error));
      client.disconnect();
      // With any answer the client would continue.
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
      'Give the user +select, which any database except 0 needs, or correct the number at the end of the Redis URL.',
    ];
  if (word === 'ERR')
    return [
      'the server has no such database',
      'Correct the number at the end of the Redis URL. `databases` in the configuration of Redis sets how many there are; a cluster has only 0.',
    ];
  if (word === undefined) return ['it does not answer in time', 'Is it overloaded? Run the command again.'];
  return ['it refuses', 'Correct the number at the end of the Redis URL, or check the log of Redis.'];
}
