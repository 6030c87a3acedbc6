import { normalise, type Catalog, type CatalogColumn, type CatalogTable } from './catalog.ts';
import { keyColumn, requireUsableNames, touchedColumns } from './recognise.ts';
import type { ApiKeyTable, TokenTable } from './shape.ts';

/** The place of the table beside which others are found. */
type TablePlace = Pick<CatalogTable, 'schema' | 'name'>;

/** What identifies a plugin's table; names are normalised. */
interface Signature {
  /** As Better Auth's adapters write them. */
  readonly names: readonly string[];
  /** A table of one of those names needs these columns. */
  readonly needs: readonly string[];
  /** No other table has all of these columns, so they identify the table under any name. */
  readonly columns: readonly string[];
}

const SIGNATURES = {
  'device-codes': {
    names: ['devicecode', 'devicecodes'],
    needs: ['devicecode', 'status', 'userid'],
    columns: ['devicecode', 'usercode', 'userid', 'status', 'lastpolledat', 'pollinginterval'],
  },
  // Of the plugins oidc-provider and mcp: one row holds an access token and its refresh token.
  'oauth-tokens': {
    names: ['oauthaccesstoken', 'oauthaccesstokens'],
    needs: ['refreshtoken', 'userid'],
    columns: [
      'accesstoken', 'refreshtoken', 'accesstokenexpiresat', 'refreshtokenexpiresat', 'clientid', 'userid', 'scopes',
    ], // prettier-ignore
  },
  'api-keys': {
    names: ['apikey', 'apikeys'],
    needs: [],
    columns: ['key', 'start', 'enabled', 'ratelimitenabled', 'ratelimittimewindow', 'requestcount'],
  },
} as const satisfies Readonly<Record<string, Signature>>;

/** Tokens of `@better-auth/oauth-provider`. Each names the session that it is bound to. */
const REVOCABLE_TOKENS = ['sessionid', 'clientid', 'revoked'];
/** Its access tokens up to 1.6, which cannot be marked as revoked. */
const EARLY_TOKENS = ['sessionid', 'clientid', 'refreshid', 'token', 'scopes', 'expiresat'];

/** The normalised names of the plugins' tables. */
export const pluginTables: readonly string[] = Object.values(SIGNATURES).flatMap(({ names }) => names);

/** Lists of normalised column names: a table that has all columns of one list is a plugin's, under any name. */
export const pluginColumns: readonly (readonly string[])[] = [
  REVOCABLE_TOKENS,
  EARLY_TOKENS,
  ...Object.values(SIGNATURES).map(({ columns }) => columns),
];

/** The column of a table that has this normalised name. */
export function columnNamed(table: CatalogTable, name: string): CatalogColumn | undefined {
  return table.columns.find((column) => normalise(column.name) === name);
}

function hasColumns(table: CatalogTable, names: readonly string[]): boolean {
  return names.every((name) => columnNamed(table, name) !== undefined);
}

/** A plugin's tables beside the sessions (or users): those with its usual names, or else any with its columns. */
export function tablesOf(
  kind: keyof typeof SIGNATURES,
  catalog: Catalog,
  { schema }: Pick<TablePlace, 'schema'>,
): readonly CatalogTable[] {
  const { names, needs, columns }: Signature = SIGNATURES[kind];
  const inSchema = catalog.tables.filter((table) => table.schema === schema);
  const named = inSchema.filter((table) => names.includes(normalise(table.name)) && hasColumns(table, needs));
  return named.length > 0 ? named : inSchema.filter((table) => hasColumns(table, columns));
}

/**
 * The tables of the OAuth provider's tokens (`@better-auth/oauth-provider`). Older plugins (`oidc-provider` and `mcp`)
 * bind no token to a session.
 */
export function recogniseTokens(catalog: Catalog, sessions: TablePlace): readonly TokenTable[] {
  return catalog.tables.flatMap((table) => {
    const column = (name: string) => columnNamed(table, name);
    const sessionId = column('sessionid');
    if (table.schema !== sessions.schema || table.name === sessions.name || sessionId === undefined)
      return [];
    if (!hasColumns(table, REVOCABLE_TOKENS) && !hasColumns(table, EARLY_TOKENS)) return [];
    const revoked = column('revoked');
    // An access token names the refresh token that it was made by; a refresh token does not.
    const scopes = column('refreshid') === undefined ? column('scopes') : undefined;
    const times = [revoked, column('expiresat'), column('createdat')].filter((each) => each !== undefined);
    requireUsableNames(table, touchedColumns(table));
    return [
      {
        schema: table.schema,
        name: table.name,
        sessionId: keyColumn(table, sessionId),
        revoked: revoked?.name ?? null,
        scopes: scopes?.name ?? null,
        times,
        touched: touchedColumns(table),
        catalog: table,
      },
    ];
  });
}

/** The tables of the API key plugin. Newer releases have `referenceId` instead of `userId`. */
export function recogniseApiKeys(catalog: Catalog, beside: TablePlace): readonly ApiKeyTable[] {
  return tablesOf('api-keys', catalog, beside).flatMap((table) => {
    const owner = columnNamed(table, 'referenceid') ?? columnNamed(table, 'userid');
    return owner === undefined ? [] : [{ schema: table.schema, name: table.name, owner: owner.name }];
  });
}
