import type { Knex } from 'knex';
import type { Instant } from '../../../sessions/instant.ts';
import { everySession, type Selection } from '../../../sessions/selection.ts';
import type { SessionStore } from '../../../sessions/session-store.ts';
import type { OfflineSweep } from '../../../sessions/sweeping-store.ts';
import type { EndOptions, EndedBatch } from '../../../sessions/ending-store.ts';
import { assignments } from '../query/assignments.ts';
import { inBatches, inBatchesFromAnywhere, rowsNamed, type BatchWork } from './batches.ts';
import { tableLabel } from '../schema/catalog.ts';
import { OTHER, SESSION, allOf, selectionCondition, sessionColumn } from '../query/conditions.ts';
import type { DatabaseStoreParts } from '../parts.ts';
import type { Value } from '../dialects/dialect.ts';
import { rehearseRight } from './rehearse-right.ts';
import { rankingOf } from './ranking.ts';
import { boundTo } from './survey.ts';
import { tableReference } from '../query/table-reference.ts';
import { createTokenEnding, type DatedTokens } from './token-ending.ts';
import { MOST_IDS, MOST_WALKED, sessionsBy } from './sweeping.ts';

type Endings = Pick<SessionStore, 'end' | 'rehearseEnding' | 'offline'>;

/**
 * Ends sessions in the database, in short transactions. Each transaction repeats the condition that selected the
 * sessions.
 */
export function createEnding(parts: DatabaseStoreParts): Endings {
  const { knex, dialect, shape, guard, persist } = parts;
  const { session: table } = shape;
  const tokenEnding = createTokenEnding(parts, shape.tokens);
  const idColumn = sessionColumn(table.id.name);
  const sessionTable = tableReference(knex, table, SESSION);
  const chosen = (selection: Selection) => selectionCondition({ ...parts, table }, selection);

  return {
    async rehearseEnding({ preserveAt }, patience = 'once') {
      const rehearsing = (rehearsed: () => Promise<void>) => {
        // This way SQLite too waits only briefly (it receives no signal while it waits) and tries again.
        const patiently = () => persist(() => dialect.single(knex, rehearsed));
        return guard(patience === 'patient' ? patiently : rehearsed);
      };
      const rehearse = (right: string, statement: () => Promise<unknown>) =>
        rehearsing(() => rehearseRight(parts, right, statement));
      await guard(() => prepare());
      const nothing = knex.raw('1 = 0');
      const right = `${preserveAt === null ? 'DELETE' : 'UPDATE'} on ${tableLabel(table)}`;
      await rehearse(right, () => endRows(knex, preserveAt, nothing));
      if (shape.tokens.length > 0) {
        // In PostgreSQL the right to delete rows does not include the right to lock them.
        await rehearse(`UPDATE on ${tableLabel(table)}`, () => heldRows(knex, nothing));
      }
      for (const tokens of shape.tokens) {
        await rehearsing(() => tokenEnding.rehearseTokens(tokens));
      }
    },

    async *end(selection, options) {
      await persist(() => prepare());
      const tokenTables = await tokenEnding.datedTokens();
      const { sessionIds } = selection;
      const { way = 'walk' } = options;
      // The pieces are made of the ids themselves, so naming all of the ids again in each is useless. The sessions that
      // may stay are computed again for each piece.
      const condition = chosen({ ...selection, sessionIds: null, keepNewest: null });
      const ranking = await rankingOf(parts, selection, condition);
      const work: Omit<BatchWork, 'piece' | 'from'> = {
        mostRows: sessionIds === null && way === 'walk' ? MOST_WALKED : MOST_IDS,
        condition,
        table,
        run: (on, all) => endBatch(on, all, tokenTables, options, ranking === null),
        isSingle: tokenTables.length === 0,
        atMost: options.atMost,
        pace: options.pace ?? ranking?.pace,
        remark: options.remark,
      };
      const walk = sessionIds === null ? await sessionsBy(parts, way, condition) : null;
      if (walk !== null && options.startsAnywhere === true) {
        yield* inBatchesFromAnywhere(parts, walk, work);
        return;
      }
      const piece: BatchWork['piece'] =
        walk === null ? named(sessionIds ?? []) : (from, rows) => walk.piece(from, rows, null);
      yield* inBatches(parts, { ...work, piece: ranking?.within(piece) ?? piece, from: null });
    },

    offline: offlineSweep(),
  };

  function offlineSweep(): OfflineSweep | null {
    const { bulk } = dialect;
    if (bulk === null) return null;
    return {
      async sweep(expiredAt, exceptSessionIds = []) {
        const selection = { ...everySession, surelyExpiredAt: expiredAt, exceptSessionIds };
        await persist(() => prepare());
        await persist(() => bulk.prepare(knex));
        const tokenTables = await tokenEnding.datedTokens();
        const begun = performance.now();
        const swept = await persist(() =>
          dialect.transaction(knex, async (on) => {
            let oauthTokens = 0;
            for (const tokens of tokenTables)
              oauthTokens += await tokenEnding.revokeTokens(
                on,
                tokens,
                boundTo(parts, tokens, selection),
                false,
              );
            return { oauthTokens, sessions: await endRows(on, null, chosen(selection)) };
          }),
        );
        return { ...swept, milliseconds: performance.now() - begun };
      },
      vacuum: () => persist(() => bulk.vacuum(knex)),
    };
  }

  async function prepare(): Promise<void> {
    await dialect.prepareEnding(
      knex,
      [table, ...shape.tokens].map(({ name }) => name),
    );
  }

  function named(ids: readonly string[]): BatchWork['piece'] {
    return (from, rows) => {
      const some = ids.slice(Number(from ?? 0), Number(from ?? 0) + rows);
      const end = Number(from ?? 0) + some.length;
      const condition = rowsNamed(parts, table, some);
      return Promise.resolve({ condition, most: some.length, next: end < ids.length ? end : null });
    };
  }

  async function endBatch(
    transaction: Knex,
    condition: Knex.Raw,
    tokenTables: readonly DatedTokens[],
    { preserveAt, offlineTokens }: EndOptions,
    isOfRow: boolean,
  ): Promise<Pick<EndedBatch, 'sessions' | 'oauthTokens'>> {
    if (tokenTables.length === 0)
      return { sessions: await endRows(transaction, preserveAt, condition), oauthTokens: 0 };
    // Deleting the row cuts the link from a token to its session, so the tokens end first. The rows stay locked
    // meanwhile, so that only tokens of these sessions end.
    const rows = await heldRows(transaction, condition);
    if (rows.length === 0) return { sessions: 0, oauthTokens: 0 };
    const ids = rows.map(({ id }) => String(id));
    let oauthTokens = 0;
    for (const tokens of tokenTables) {
      const bound = dialect.keyIn(knex, `${OTHER}.${tokens.sessionId.name}`, tokens.sessionId, ids);
      oauthTokens += await tokenEnding.revokeTokens(transaction, tokens, bound, offlineTokens);
    }
    // If the condition depends on other rows, they may have changed meanwhile, and the tokens are already revoked.
    const held = isOfRow
      ? allOf(knex, [rowsNamed(parts, table, ids), condition])
      : rowsNamed(parts, table, ids);
    return { sessions: await endRows(transaction, preserveAt, held), oauthTokens };
  }

  async function heldRows(on: Knex, condition: Knex.Raw): Promise<readonly { readonly id: Value }[]> {
    return (await on.select({ id: idColumn }).from(sessionTable).where(condition).forUpdate()) as {
      id: Value;
    }[];
  }

  async function endRows(on: Knex, preserveAt: Instant | null, condition: Knex.Raw): Promise<number> {
    const statement =
      preserveAt === null
        ? on.raw('? WHERE ?', [dialect.deleteFrom(on, sessionTable, SESSION), condition])
        : on.raw('UPDATE ? SET ? WHERE ?', [
            sessionTable,
            assignments(on, table.expiresAt.name, table.expiresAt.encoding.encode(preserveAt), table.touched),
            condition,
          ]);
    return dialect.affectedRows(await statement);
  }
}
