import type { Duplex } from 'node:stream';
import type { DatabaseSettings } from '../../../config/settings.ts';
import { SILENCE } from '../../refusals.ts';
import type { Access } from './dialect.ts';

/** Milliseconds beyond statement_timeout in which a healthy server reports that it ended a statement. */
const MARGIN = 5000;

/** Of statement_timeout, for rows of a query that the server does not limit, since its duration depends on its reader. */
const TIMES_LONGER = 5;

/** Milliseconds within which a server must answer a statement; null for no limit, as where an index is built. */
export function answerLimit({ statementTimeout }: DatabaseSettings, access: Access): number | null {
  return access === 'schema' || statementTimeout === 0 ? null : statementTimeout + MARGIN;
}

/** Milliseconds between rows of such a query; null for no limit. */
export function silenceLimit({ statementTimeout }: DatabaseSettings): number | null {
  return statementTimeout === 0 ? null : statementTimeout * TIMES_LONGER;
}

/**
 * Waits for an answer of the server. If none comes in time, the connection is cut; the statement may have taken effect.
 */
export async function answered<Result>(
  limit: number | null,
  socket: Duplex,
  work: () => Promise<Result>,
): Promise<Result> {
  if (limit === null) return work();
  let timer: NodeJS.Timeout | undefined;
  const silence = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      const error = Object.assign(new Error('no answer'), { code: SILENCE });
      socket.destroy(error);
      reject(error);
    }, limit);
  });
  try {
    return await Promise.race([work(), silence]);
  } finally {
    clearTimeout(timer);
  }
}
