import type { Target } from '../../../sessions/reading-store.ts';
import type { SchemaDialect } from '../dialects/schema-dialect.ts';

/** Loads the part of a dialect that only few runs need. */
export async function loadSchemaDialect({ dialect }: Target): Promise<SchemaDialect> {
  switch (dialect) {
    case 'postgresql':
      return (await import('../dialects/postgresql/schema.ts')).postgresqlSchema;
    case 'mysql':
      return (await import('../dialects/mysql/schema.ts')).mysqlSchema;
    case 'sqlite':
      return (await import('../dialects/sqlite/schema.ts')).sqliteSchema;
    default:
      return dialect satisfies never;
  }
}
