import { UnansweredError } from '../../sessions/unanswered.ts';

/** The outcome of deleting keys. */
export interface DeletedKeys {
  /** How many keys existed and were deleted. */
  readonly deleted: number;
  /** An answer was lost: more keys may be gone than are counted. */
  readonly uncertain: boolean;
  /** The error that stopped the work early; null if it finished. Keys deleted before it are counted. */
  readonly failure: unknown;
}

/** Runs one command that deletes keys, and counts its answer. */
export type CountDeletion = (command: () => Promise<number>) => Promise<void>;

/**
 * Counts the keys that commands delete, even if the work fails. A command without an answer, or one that the client
 * sent again after a lost connection, may have deleted more than was counted.
 * @param losses how many times a connection has been lost so far
 * @param work must not continue by itself after it has thrown
 */
export async function countDeletions(
  losses: () => number,
  work: (count: CountDeletion) => Promise<void>,
): Promise<DeletedKeys> {
  const sum = { deleted: 0, unanswered: 0, wasLost: false };
  const count: CountDeletion = async (command) => {
    const before = losses();
    sum.unanswered += 1;
    try {
      const answer = await command();
      // Several commands may run at once: the counts that others have added meanwhile stay.
      sum.deleted += answer;
      sum.unanswered -= 1;
      sum.wasLost ||= losses() !== before;
    } catch (error) {
      // A command that the server refused has changed nothing.
      if (error instanceof Error && error.name === 'ReplyError') sum.unanswered -= 1;
      throw error;
    }
  };
  let failure: unknown = null;
  try {
    await work(count);
  } catch (error) {
    failure = error;
  }
  const uncertain = sum.wasLost || sum.unanswered > 0 || failure instanceof UnansweredError;
  return { deleted: sum.deleted, uncertain, failure };
}
