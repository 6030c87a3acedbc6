import type { Knex } from 'knex';
import { SchemaError } from '../../../../errors.ts';
import { millisecondsOf, toInstant } from '../../../../sessions/instant.ts';
import {
  addedUp,
  countEach,
  type WayBack,
  type WaysBackCounts,
  type WaysBackStore,
} from '../../../../sessions/ways-back.ts';
import { assignments } from '../../query/assignments.ts';
import { tableLabel } from '../../schema/catalog.ts';
import { allOf, OTHER, surelyBefore } from '../../query/conditions.ts';
import type { DatabaseConnection } from '../../connect/connect.ts';
import type { Value } from '../../dialects/dialect.ts';
import type { UserTable, WayBackTable } from '../../schema/shape.ts';
import { rehearseRight } from '../rehearse-right.ts';
import { tableReference } from '../../query/table-reference.ts';
import { isUnrevoked } from '../../query/token-conditions.ts';
import { createTokenEnding } from '../token-ending.ts';
import { LOOKED_UP_AT_ONCE } from '../../query/users.ts';
import type { TimeEncoding } from '../../schema/time-encoding.ts';
import { LOCK, TRUSTED } from '../../../combined/verification-owner.ts';
import { addressedTo } from './addressed-to.ts';
import { ownersNamed, type Owners } from './owners.ts';
import { isUnbound, type UnboundParts } from './unbound.ts';

export interface WaysBackParts extends UnboundParts {
  readonly shape: { readonly user: UserTable | null; readonly waysBack: readonly WayBackTable[] };
  /** The zone of the application that writes, or null where it is not known. */
  readonly timeZone: string | null;
}

/** Milliseconds. A wall clock of an unknown zone may be behind UTC by this much. */
const FURTHEST = 12 * 3_600_000;

type WaysBackConnection = WaysBackParts & Pick<DatabaseConnection, 'target' | 'guard' | 'persist'>;

/** The rows that let users in again, in the tables of Better Auth's plugins. */
export function createWaysBack(parts: WaysBackConnection): WaysBackStore {
  const { knex, dialect, shape, guard, persist } = parts;

  const endRows = async (on: Knex, table: WayBackTable, condition: Knex.Raw) => {
    const reference = tableReference(on, table, OTHER);
    const statement =
      table.kind === 'api-keys'
        ? on.raw('UPDATE ? SET ? WHERE ?', [
            reference,
            assignments(on, table.mark ?? '', on.raw('FALSE'), table.touched),
            condition,
          ])
        : on.raw('? WHERE ?', [dialect.deleteFrom(on, reference, OTHER), condition]);
    return dialect.affectedRows(await statement);
  };

  const tokenEnding = ({ tokens }: WayBackTable) => createTokenEnding(parts, tokens === null ? [] : [tokens]);

  const endIn = async (table: WayBackTable, userIds: readonly string[]) => {
    let ended = 0;
    await persist(() => dialect.prepareEnding(knex, [table.name]));
    for (let from = 0; from < userIds.length; from += LOOKED_UP_AT_ONCE) {
      const owners = ownersNamed(parts, userIds.slice(from, from + LOOKED_UP_AT_ONCE));
      const [tokens] = await tokenEnding(table).datedTokens();
      ended += await persist(async () => {
        const condition = await ownedBy(parts, table, owners);
        return dialect.single(knex, (on) =>
          tokens === undefined
            ? endRows(on, table, condition())
            : tokenEnding(table).revokeTokens(on, tokens, condition(), true),
        );
      });
    }
    return ended;
  };

  return {
    count: (userIds) =>
      persist(async () => {
        let sum = await countWaysBack(parts, ownersNamed(parts, userIds.slice(0, LOOKED_UP_AT_ONCE)));
        for (let from = LOOKED_UP_AT_ONCE; from < userIds.length; from += LOOKED_UP_AT_ONCE) {
          const some = userIds.slice(from, from + LOOKED_UP_AT_ONCE);
          sum = addedUp(sum, await countWaysBack(parts, ownersNamed(parts, some)));
        }
        return sum;
      }),

    async *end(kinds, userIds) {
      for (const kind of kinds) {
        let ended = 0;
        for (const table of tablesOfKind(parts, kind)) ended += await endIn(table, userIds);
        yield [kind, ended];
      }
    },

    async rehearse(kinds) {
      for (const table of shape.waysBack) {
        if (!kinds.has(table.kind)) continue;
        const right = table.kind === 'api-keys' ? 'UPDATE' : 'DELETE';
        await guard(async () => {
          await rehearseRight(parts, `SELECT on ${tableLabel(table)}`, async () => {
            const isOwned = await ownedBy(parts, table, ownersNamed(parts, []));
            return knex
              .select(knex.raw('1'))
              .from(tableReference(knex, table, OTHER))
              .where(isOwned())
              .limit(1);
          });
          if (table.tokens !== null) await tokenEnding(table).rehearseTokens(table.tokens);
          else
            await rehearseRight(parts, `${right} on ${tableLabel(table)}`, () =>
              endRows(knex, table, knex.raw('1 = 0')),
            );
        });
      }
    },
  };
}

function tablesOfKind({ shape }: Pick<WaysBackParts, 'shape'>, kind: WayBack): readonly WayBackTable[] {
  return shape.waysBack.filter((table) => table.kind === kind);
}

/** How many rows of each kind belong to the users. */
export function countWaysBack(parts: WaysBackParts, owners: Owners): Promise<WaysBackCounts> {
  const { knex, dialect } = parts;
  return countEach(async (kind) => {
    const tables = tablesOfKind(parts, kind);
    if (tables.length === 0) return null;
    try {
      let sum = 0;
      for (const table of tables) {
        const rows = await knex
          .from(tableReference(knex, table, OTHER))
          .where((await ownedBy(parts, table, owners))())
          .count<{ found: Value }[]>({ found: '*' });
        sum += Number(rows[0]?.found ?? 0);
      }
      return sum;
    } catch (error) {
      // A figure that is only shown must not stop a run.
      if (dialect.isDenied(error) || error instanceof SchemaError) return 'unknown';
      throw error;
    }
  });
}

/**
 * Whether a row, under the alias `o`, lets one of the users in again.
 * @returns a function, since awaiting a bare condition would run it as a query
 */
async function ownedBy(parts: WaysBackParts, table: WayBackTable, owners: Owners): Promise<() => Knex.Raw> {
  const { knex, dialect, shape, timeZone } = parts;
  const { catalog, expiries } = table;
  const encodings =
    expiries.length === 0 ? [] : await dialect.timeEncodings(knex, catalog, expiries, timeZone);
  const isAlive = allOf(knex, [isMeant(parts, table), isUnexpired(parts, table, encodings)]);
  const isOwned = owners(`${OTHER}.${table.owner.name}`, table.owner);
  if (table.kind !== 'verifications') return () => allOf(knex, [isAlive, isOwned]);
  const ids = await addressedTo({ knex, dialect, user: shape.user }, table, isAlive, owners);
  if (ids.length === 0) return () => allOf(knex, [isAlive, isOwned]);
  const isAddressed = dialect.keyIn(knex, `${OTHER}.${table.id.name}`, table.id, ids);
  return () => allOf(knex, [isAlive, knex.raw('? OR ?', [isOwned, isAddressed])]);
}

function isMeant(parts: WaysBackParts, { kind, mark, tokens }: WayBackTable): Knex.Raw {
  const { knex, dialect } = parts;
  const column = `${OTHER}.${mark ?? ''}`;
  const begins = (prefix: string) => dialect.keyBeginsWith(knex, column, prefix);
  switch (kind) {
    case 'device-codes':
      // A pending code needs a session to approve it.
      return knex.raw('?? = ?', [column, 'approved']);
    case 'trusted-devices':
      return begins(TRUSTED);
    case 'verifications':
      return knex.raw('NOT ? AND NOT ?', [begins(TRUSTED), begins(LOCK)]);
    case 'api-keys':
      return knex.raw('?? IS NOT FALSE', [column]);
    case 'oauth-tokens':
      return tokens === null
        ? knex.raw('1 = 1')
        : allOf(knex, [isUnbound(parts, tokens), isUnrevoked(knex, tokens)]);
    default:
      return kind satisfies never;
  }
}

function isUnexpired(
  { knex, now }: WaysBackParts,
  { expiries }: WayBackTable,
  encodings: readonly TimeEncoding[],
): Knex.Raw {
  const passed = expiries.flatMap(({ name }, at) => {
    const encoding = encodings[at];
    if (encoding === undefined) return [];
    const moment = encoding.zoneKnown ? now : toInstant(millisecondsOf(now) - FURTHEST);
    return [surelyBefore(knex, { encoding }, `${OTHER}.${name}`, moment)];
  });
  return passed.length === 0 ? knex.raw('1 = 1') : knex.raw('NOT COALESCE(?, FALSE)', [allOf(knex, passed)]);
}
