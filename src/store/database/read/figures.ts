import type { Knex } from 'knex';
import { networkOf } from '../../../sessions/network.ts';
import { toInstant, type Instant } from '../../../sessions/instant.ts';
import { AGENT_LENGTH, READ_AGENTS, TOP } from '../../../sessions/statistics.ts';
import type { CountingStore, Frequencies, Frequency, Quarter } from '../../../sessions/statistics.ts';
import type { Selection } from '../../../sessions/selection.ts';
import { isActive, selectionCondition, SESSION, sessionColumn } from '../query/conditions.ts';
import type { DatabaseStoreParts } from '../parts.ts';
import type { Value } from '../dialects/dialect.ts';
import type { TimeColumn } from '../schema/shape.ts';
import { tableReference } from '../query/table-reference.ts';
import type { TimeEncoding } from '../schema/time-encoding.ts';
import { isUnreadable } from '../schema/unreadable-time.ts';

const QUARTER = 15 * 60_000;
const GROUPS = 'g';

/** Counts sessions in the database: one aggregate query per figure, each with a bounded number of result rows. */
export function createFigures(parts: DatabaseStoreParts): CountingStore {
  const { knex, dialect, shape, now, guard, signal } = parts;
  const { session: table } = shape;
  const selected = (selection: Selection) =>
    knex.from(tableReference(knex, table, SESSION)).where(selectionCondition({ ...parts, table }, selection));

  const rowsOf = async (query: Knex.QueryBuilder): Promise<readonly (readonly Value[])[]> => {
    signal.throwIfAborted();
    const rows: (readonly Value[])[] = [];
    await guard(async () => {
      for await (const chunk of dialect.stream(knex, { ...query.toSQL().toNative(), limited: false }))
        rows.push(...chunk);
    });
    return rows;
  };

  /** The groups of sessions by a value, largest first, each with the total numbers of groups and sessions. */
  async function frequencies(
    grouped: Knex.QueryBuilder,
    limit: number,
    read: (value: string) => string = (value) => value,
  ): Promise<Frequencies> {
    const query = knex
      .select(
        `${GROUPS}.value`,
        `${GROUPS}.sessions`,
        knex.raw('count(*) OVER ()'),
        knex.raw('sum(??) OVER ()', [`${GROUPS}.sessions`]),
      )
      .from(grouped.as(GROUPS))
      .orderBy([{ column: `${GROUPS}.sessions`, order: 'desc' }, { column: `${GROUPS}.value` }])
      .limit(limit);
    const rows = await rowsOf(query);
    const top = new Map<string, number>();
    for (const [raw, sessions] of rows) {
      const value = read(String(raw));
      top.set(value, (top.get(value) ?? 0) + Number(sessions));
    }
    return {
      distinct: Number(rows[0]?.[2] ?? 0),
      sessions: Number(rows[0]?.[3] ?? 0),
      top: [...top].map(([value, sessions]): Frequency => ({ value, sessions })),
    };
  }

  const groupsOf = (selection: Selection, value: Knex.Raw) =>
    selected(selection)
      .select({ value, sessions: knex.raw('count(*)') })
      .whereRaw('? IS NOT NULL', [value])
      .groupByRaw('1');

  async function addresses(selection: Selection): Promise<readonly [Frequencies | null, Frequencies | null]> {
    if (table.ipAddress === null) return [null, null];
    const address = dialect.asText(knex, sessionColumn(table.ipAddress));
    const byAddress = () => groupsOf(selection, address).whereRaw(`? <> ''`, [address]);
    // A network has far fewer addresses than sessions, so only addresses are parsed.
    const network = dialect.network(knex, 'a.value');
    const byNetwork = knex
      .select({ value: network, sessions: knex.raw('sum(??)', ['a.sessions']) })
      .from(byAddress().as('a'))
      .whereRaw('? IS NOT NULL', [network])
      .groupByRaw('1');
    return [await frequencies(byAddress(), TOP), await frequencies(byNetwork, TOP, networkOf)];
  }

  async function quarters(selection: Selection, column: TimeColumn): Promise<readonly Quarter[]> {
    const name = sessionColumn(column.name);
    const quarter = dialect.quarterHour(knex, name, column.encoding);
    const rows = await rowsOf(
      selected(selection)
        .select(quarter, knex.raw('count(*)'))
        .whereNotNull(name)
        .whereRaw('NOT ?', [isUnreadable(knex, column.encoding, name)])
        .groupByRaw('1'),
    );
    return rows.map(([nth, sessions]) => ({
      from: momentOf(column.encoding, Number(nth) * QUARTER),
      sessions: Number(sessions),
    }));
  }

  async function totals(selection: Selection) {
    const by = table.impersonatedBy === null ? null : sessionColumn(table.impersonatedBy.name);
    const active = isActive(knex, table.expiresAt, now);
    const inState = { active, expired: knex.raw('NOT COALESCE(?, FALSE)', [active]), all: null }[
      selection.state
    ];
    const counts = knex.raw(inState === null ? '1 = 1' : '?', inState === null ? [] : [inState]);
    const [row = []] = await rowsOf(
      selected({ ...selection, state: 'all' }).select(
        knex.raw('count(*)'),
        knex.raw('sum(CASE WHEN ? THEN 1 ELSE 0 END)', [active]),
        by === null
          ? knex.raw('NULL')
          : knex.raw('sum(CASE WHEN ? AND ?? IS NOT NULL THEN 1 ELSE 0 END)', [counts, by]),
        by === null ? knex.raw('NULL') : knex.raw('count(DISTINCT CASE WHEN ? THEN ?? END)', [counts, by]),
        knex.raw('sum(CASE WHEN ? AND (? OR ? OR ?) THEN 1 ELSE 0 END)', [
          counts,
          ...[table.createdAt, table.updatedAt, table.expiresAt].map(({ name, encoding }) =>
            isUnreadable(knex, encoding, sessionColumn(name)),
          ),
        ]),
      ),
    );
    const [all, living, impersonated, administrators, unreadable] = row.map((value) => Number(value ?? 0));
    return {
      totals: { active: living ?? 0, expired: (all ?? 0) - (living ?? 0) },
      unreadableTimes: unreadable ?? 0,
      impersonations:
        by === null ? null : { sessions: impersonated ?? 0, administrators: administrators ?? 0 },
    };
  }

  return {
    async figures(selection) {
      const { totals: byState, impersonations, unreadableTimes } = await totals(selection);
      const all = byState.active + byState.expired;
      const sessions = selection.state === 'all' ? all : byState[selection.state];
      const agent =
        table.userAgent === null
          ? null
          : dialect.beginning(knex, sessionColumn(table.userAgent), AGENT_LENGTH);
      const [byAddress, networks] = await addresses(selection);
      return {
        totals: byState,
        sessions,
        impersonations,
        unreadableTimes,
        users: await frequencies(
          groupsOf(selection, knex.raw('??', [sessionColumn(table.userId.name)])),
          TOP,
        ),
        created: await quarters(selection, table.createdAt),
        expires:
          selection.state === 'expired'
            ? []
            : await quarters({ ...selection, state: 'active' }, table.expiresAt),
        userAgents:
          agent === null
            ? null
            : await frequencies(groupsOf(selection, agent).whereRaw(`? <> ''`, [agent]), READ_AGENTS),
        addresses: byAddress,
        networks,
      };
    },
  };
}

/** The moment that a column means by the wall clock of `written` milliseconds after 1970 in UTC. */
function momentOf(encoding: TimeEncoding, written: number): Instant {
  const instant = toInstant(written);
  const form = encoding.encode(instant);
  // A wall clock has no T and no offset.
  return typeof form === 'number' || /T|\+00$/.test(form)
    ? instant
    : encoding.decode(instant.slice(0, 23).replace('T', ' '));
}
