import type { Knex } from 'knex';
import { OTHER } from './conditions.ts';
import type { Dialect } from '../dialects/dialect.ts';
import type { TokenTable } from '../schema/shape.ts';

export function isUnrevoked(knex: Knex, { revoked }: TokenTable): Knex.Raw {
  return revoked === null ? knex.raw('1 = 1') : knex.raw('?? IS NULL', [`${OTHER}.${revoked}`]);
}

/**
 * Whether a refresh token has the scope `offline_access`, so that it stays valid after its session. Better Auth revokes
 * all others (`prepareBackchannelLogoutPlan` of @better-auth/oauth-provider). Adapters write the scopes as JSON, as
 * JSON in a string of JSON (Drizzle), as an array of PostgreSQL, or separated by spaces.
 */
export function isOffline(
  { knex, dialect }: { readonly knex: Knex; readonly dialect: Dialect },
  tokens: TokenTable,
): Knex.Raw {
  if (tokens.scopes === null) return knex.raw('1 = 0');
  const spaced = ['[', ']', '{', '}', '"', ',', '\\'].reduce(
    (text, mark) => knex.raw(`REPLACE(?, ?, ' ')`, [text, mark]),
    dialect.asText(knex, `${OTHER}.${tokens.scopes}`),
  );
  return knex.raw('COALESCE(?, FALSE)', [dialect.hasWord(knex, spaced, 'offline_access')]);
}
