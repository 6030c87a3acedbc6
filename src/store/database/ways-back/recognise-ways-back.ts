import type { WayBack } from '../../../sessions/ways-back.ts';
import { normalise, type Catalog, type CatalogColumn, type CatalogTable } from '../catalog.ts';
import { isKey, keyColumn, touchedColumns } from '../recognise.ts';
import type { VerificationTable, WayBackTable } from '../shape.ts';

/** The normalised names of the tables, as Better Auth's adapters write them. */
const TABLES = {
  'device-codes': ['devicecode', 'devicecodes'],
  'oauth-tokens': ['oauthaccesstoken', 'oauthaccesstokens'],
  'api-keys': ['apikey', 'apikeys'],
} as const;

export const waysBackTables: readonly string[] = Object.values(TABLES).flat();

/** Finds the tables beside the sessions (or users) by their names and columns. */
export function recogniseWaysBack(
  catalog: Catalog,
  beside: Pick<CatalogTable, 'schema'>,
  verifications: VerificationTable | null,
): readonly WayBackTable[] {
  const found: WayBackTable[] = [];
  for (const table of catalog.tables) {
    if (table.schema !== beside.schema) continue;
    const isNamed = (kind: keyof typeof TABLES) =>
      (TABLES[kind] as readonly string[]).includes(normalise(table.name));
    const column = (...fields: readonly string[]) => {
      for (const field of fields) {
        const found = table.columns.find((each) => normalise(each.name) === field);
        if (found !== undefined) return found;
      }
      return undefined;
    };
    const add = (kind: WayBack, owner: CatalogColumn | undefined, more: Partial<WayBackTable>) => {
      const id = column('id');
      if (id === undefined || owner === undefined || !isKey(id) || !isKey(owner)) return;
      found.push({
        kind,
        schema: table.schema,
        name: table.name,
        id: keyColumn(table, id),
        owner: keyColumn(table, owner),
        mark: null,
        expiries: [column('expiresat')].filter((each) => each !== undefined),
        touched: touchedColumns(table),
        catalog: table,
        ...more,
      });
    };

    const status = column('status');
    if (isNamed('device-codes') && status !== undefined && column('devicecode') !== undefined)
      add('device-codes', column('userid'), { mark: status.name });

    // Of the plugins oidc-provider and mcp: one row holds an access token and its refresh token, and names no session.
    const expiries = [column('accesstokenexpiresat'), column('refreshtokenexpiresat')];
    if (isNamed('oauth-tokens') && column('refreshtoken') !== undefined && column('sessionid') === undefined)
      add('oauth-tokens', column('userid'), { expiries: expiries.filter((each) => each !== undefined) });

    const enabled = column('enabled');
    if (isNamed('api-keys') && enabled !== undefined)
      add('api-keys', column('referenceid', 'userid'), { mark: enabled.name });

    if (table === verifications?.catalog) {
      const verification = { mark: verifications.identifier, expiries: [verifications.expiresAt] };
      const value = table.columns.find(({ name }) => name === verifications.value);
      add('verifications', value, verification);
      add('trusted-devices', value, verification);
    }
  }
  return found;
}
