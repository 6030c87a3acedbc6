import type { Knex } from 'knex';
import { isPossibleKey, OTHER } from '../../query/conditions.ts';
import type { Dialect, Value } from '../../dialects/dialect.ts';
import type { UserTable, WayBackTable } from '../../schema/shape.ts';
import { tableReference } from '../../query/table-reference.ts';
import { LOOKED_UP_AT_ONCE, USER } from '../../query/users.ts';
import { addresseeOf } from '../../../combined/verification-owner.ts';
import type { Owners } from './owners.ts';

interface AddressedParts {
  readonly knex: Knex;
  readonly dialect: Dialect;
  readonly user: UserTable | null;
}

/**
 * Codes by e-mail (`sign-in-otp-<address>`, `change-email-otp-<user id>:<new address>`) and magic links (JSON with the
 * address in the value) do not have the user's id as their value (better-auth 1.7.25, plugins email-otp and
 * magic-link).
 */
function mayBeAddressed(knex: Knex, table: WayBackTable): Knex.Raw {
  return knex.raw('(?? LIKE ? OR ?? LIKE ? OR ?? LIKE ?)', [
    `${OTHER}.${table.mark ?? ''}`,
    '%-otp-%',
    `${OTHER}.${table.owner.name}`,
    '{"type":"magic-link",%',
    `${OTHER}.${table.owner.name}`,
    // Earlier releases.
    '{"email":%',
  ]);
}

/**
 * Ids of verifications that are addressed to the users by their e-mail address.
 * @param condition the rows to search
 */
export async function addressedTo(
  { knex, dialect, user }: AddressedParts,
  table: WayBackTable,
  condition: Knex.Raw,
  owners: Owners,
): Promise<readonly string[]> {
  const address = user?.email ?? null;
  if (user === null || address === null) return [];
  const rows = (await knex
    .select({
      id: `${OTHER}.${table.id.name}`,
      identifier: `${OTHER}.${table.mark ?? ''}`,
      value: `${OTHER}.${table.owner.name}`,
    })
    .from(tableReference(knex, table, OTHER))
    .where(condition)
    .where(mayBeAddressed(knex, table))) as { id: Value; identifier: Value; value: Value }[];
  const addressed = rows.flatMap((row) => {
    const to = addresseeOf(String(row.identifier), String(row.value));
    return to === null ? [] : [{ id: String(row.id), to }];
  });

  const ids: string[] = [];
  for (let from = 0; from < addressed.length; from += LOOKED_UP_AT_ONCE) {
    const some = addressed.slice(from, from + LOOKED_UP_AT_ONCE);
    const texts = [...new Set(some.map(({ to }) => to))];
    const email = { name: address, kind: 'text' } as const;
    const keys = texts.filter((text) => isPossibleKey(user.id, text));
    const isOne = [dialect.keyIn(knex, `${USER}.${email.name}`, email, texts)];
    if (keys.length > 0) isOne.push(dialect.keyIn(knex, `${USER}.${user.id.name}`, user.id, keys));
    const users = (await knex
      .select({ id: `${USER}.${user.id.name}`, email: `${USER}.${email.name}` })
      .from(tableReference(knex, user, USER))
      .whereRaw(`(${isOne.map(() => '?').join(' OR ')})`, isOne)
      .where(owners(`${USER}.${user.id.name}`, user.id))) as { id: Value; email: Value }[];
    const meant = new Set(users.flatMap((one) => [String(one.id), String(one.email)]));
    ids.push(...some.filter(({ to }) => meant.has(to)).map(({ id }) => id));
  }
  return ids;
}
