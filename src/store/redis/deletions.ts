/** What became of keys that were to be deleted. */
export interface DeletedKeys {
  /** So many were still there. */
  readonly deleted: number;
  /** An answer was lost on its way: more may be gone than are counted. */
  readonly uncertain: boolean;
  /** What ended the work before its time; null where it came to its end. What had been deleted by then is counted. */
  readonly failure: unknown;
}

/** Runs one command that deletes keys, and counts what it answers. */
export type CountDeletion = (command: () => Promise<number>) => Promise<void>;

/**
 * Counts what commands delete, whatever ends the work: a command that was never answered, or that the client sent again
 * since the connection was lost, may have deleted more than anybody was told.
 * @param losses how often a connection has been lost so far
 * @param work does not go on by itself after it has thrown
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
      // Several may be under way: what they have added meanwhile counts too.
      sum.deleted += answer;
      sum.unanswered -= 1;
      sum.wasLost ||= losses() !== before;
    } catch (error) {
      // What the server refuses it has not done.
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
  return { deleted: sum.deleted, uncertain: sum.wasLost || sum.unanswered > 0, failure };
}
