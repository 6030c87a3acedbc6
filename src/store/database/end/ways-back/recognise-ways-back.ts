import type { WayBack } from '../../../../sessions/ways-back.ts';
import type { Catalog, CatalogColumn, CatalogTable } from '../../schema/catalog.ts';
import { isKey, keyColumn, touchedColumns } from '../../schema/recognise.ts';
import { columnNamed, tablesOf } from '../../schema/recognise-plugins.ts';
import type { TokenTable, VerificationTable, WayBackTable } from '../../schema/shape.ts';

/** Finds the tables beside the sessions (or users). */
export function recogniseWaysBack(
  catalog: Catalog,
  beside: Pick<CatalogTable, 'schema'>,
  verifications: VerificationTable | null,
  tokenTables: readonly TokenTable[],
): readonly WayBackTable[] {
  const found: WayBackTable[] = [];
  const add = (
    kind: WayBack,
    table: CatalogTable,
    owner: CatalogColumn | undefined,
    more: Partial<WayBackTable>,
  ) => {
    const id = columnNamed(table, 'id');
    if (id === undefined || owner === undefined || !isKey(id) || !isKey(owner)) return;
    found.push({
      kind,
      schema: table.schema,
      name: table.name,
      id: keyColumn(table, id),
      owner: keyColumn(table, owner),
      mark: null,
      expiries: existing(columnNamed(table, 'expiresat')),
      touched: touchedColumns(table),
      tokens: null,
      catalog: table,
      ...more,
    });
  };

  for (const table of tablesOf('device-codes', catalog, beside))
    add('device-codes', table, columnNamed(table, 'userid'), {
      mark: columnNamed(table, 'status')?.name ?? null,
    });

  for (const table of tablesOf('oauth-tokens', catalog, beside)) {
    // Tokens of another plugin are bound to a session, and end with it.
    if (columnNamed(table, 'sessionid') !== undefined) continue;
    const names = ['accesstokenexpiresat', 'refreshtokenexpiresat'];
    const expiries = existing(...names.map((name) => columnNamed(table, name)));
    add('oauth-tokens', table, columnNamed(table, 'userid'), { expiries });
  }

  for (const tokens of tokenTables)
    add('oauth-tokens', tokens.catalog, columnNamed(tokens.catalog, 'userid'), { tokens });

  for (const table of tablesOf('api-keys', catalog, beside)) {
    const owner = columnNamed(table, 'referenceid') ?? columnNamed(table, 'userid');
    const enabled = columnNamed(table, 'enabled');
    if (enabled !== undefined) add('api-keys', table, owner, { mark: enabled.name });
  }

  if (verifications !== null) {
    const { catalog: table, identifier, expiresAt } = verifications;
    const value = table.columns.find(({ name }) => name === verifications.value);
    for (const kind of ['verifications', 'trusted-devices'] as const)
      add(kind, table, value, { mark: identifier, expiries: [expiresAt] });
  }
  return found;
}

function existing(...columns: readonly (CatalogColumn | undefined)[]): readonly CatalogColumn[] {
  return columns.filter((column) => column !== undefined);
}
