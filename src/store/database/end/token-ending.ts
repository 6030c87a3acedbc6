import type { Knex } from 'knex';
import { wholeSecond, type Instant } from '../../../sessions/instant.ts';
import { assignments } from '../query/assignments.ts';
import { tableLabel } from '../schema/catalog.ts';
import { allOf, OTHER } from '../query/conditions.ts';
import type { DatabaseStoreParts } from '../parts.ts';
import { rehearseRight } from './rehearse-right.ts';
import type { TokenTable } from '../schema/shape.ts';
import { isOffline, isUnrevoked } from '../query/token-conditions.ts';
import { tableReference } from '../query/table-reference.ts';

export type TokenParts = Pick<DatabaseStoreParts, 'knex' | 'dialect' | 'target' | 'timeZone' | 'persist'>;

export interface DatedTokens extends TokenTable {
  /** The moment of revocation in the column's own encoding; null where there is no such column. */
  readonly revokedAt: string | number | null;
}

/** Ends tokens of the OAuth provider with the session that they are bound to. */
export interface TokenEnding {
  /** The tables, each with the current time in its encoding. */
  datedTokens(): Promise<readonly DatedTokens[]>;
  /**
   * Marks valid tokens as revoked, or deletes them where they cannot be marked; those with `offline_access` only if
   * asked.
   * @returns how many
   */
  revokeTokens(on: Knex, tokens: DatedTokens, condition: Knex.Raw, offlineTokens: boolean): Promise<number>;
  /**
   * Tries that on no row.
   * @throws ConnectionError naming the right that the account lacks
   */
  rehearseTokens(tokens: TokenTable): Promise<void>;
}

/** The right that ending tokens needs. */
export function rightToEnd({ revoked }: TokenTable): 'UPDATE' | 'DELETE' {
  return revoked === null ? 'DELETE' : 'UPDATE';
}

export function createTokenEnding(parts: TokenParts, tables: readonly TokenTable[]): TokenEnding {
  const { knex, dialect, timeZone, persist } = parts;

  const ending: TokenEnding = {
    async datedTokens() {
      const moment = wholeSecond(await persist(() => dialect.readClock(knex)));
      return Promise.all(
        tables.map(async (tokens) => ({
          ...tokens,
          revokedAt: tokens.revoked === null ? null : await encodedAt(tokens, moment),
        })),
      );
    },

    async revokeTokens(on, tokens, condition, offlineTokens) {
      const spared = offlineTokens ? [] : [on.raw('NOT ?', [isOffline(parts, tokens)])];
      const meant = allOf(on, [condition, isUnrevoked(on, tokens), ...spared]);
      const table = tableReference(on, tokens, OTHER);
      const statement =
        tokens.revoked === null
          ? on.raw('? WHERE ?', [dialect.deleteFrom(on, table, OTHER), meant])
          : on.raw('UPDATE ? SET ? WHERE ?', [
              table,
              assignments(on, tokens.revoked, tokens.revokedAt, tokens.touched),
              meant,
            ]);
      return dialect.affectedRows(await statement);
    },

    async rehearseTokens(tokens) {
      await rehearseRight(parts, `${rightToEnd(tokens)} on ${tableLabel(tokens)}`, () =>
        ending.revokeTokens(knex, { ...tokens, revokedAt: null }, knex.raw('1 = 0'), false),
      );
    },
  };
  return ending;

  /** The moment in the column's encoding; if the column is empty, in that of the other times of its table. */
  async function encodedAt(tokens: TokenTable, moment: Instant): Promise<string | number> {
    const encodings = await persist(() =>
      dialect.timeEncodings(knex, tokens.catalog, tokens.times, timeZone),
    );
    const encoding = encodings.find((each) => each.isEmpty !== true) ?? encodings[0];
    if (encoding === undefined) throw new Error(`${tokens.name} has no times`);
    return encoding.encode(moment);
  }
}
