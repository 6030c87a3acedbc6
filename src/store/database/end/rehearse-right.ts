import { ConnectionError } from '../../../errors.ts';
import type { DatabaseStoreParts } from '../parts.ts';
import { withoutText } from '../../refusals.ts';

/**
 * Runs a statement that affects no row.
 * @param right the right that it needs, in words that follow "lacks the right to"
 * @throws ConnectionError naming the right, if the account lacks it
 */
export async function rehearseRight(
  { dialect, target }: Pick<DatabaseStoreParts, 'dialect' | 'target'>,
  right: string,
  statement: () => Promise<unknown>,
): Promise<void> {
  try {
    await statement();
  } catch (error) {
    if (!dialect.isDenied(error)) throw error;
    throw new ConnectionError(`${target.database} refuses: the account lacks the right to ${right}`, {
      hint: `Nothing was changed. Give the account ${right}, or use another one.`,
      cause: withoutText(error),
    });
  }
}
