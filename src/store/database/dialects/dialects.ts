import type { Target } from '../../../sessions/reading-store.ts';
import type { Dialect } from './dialect.ts';
import type { ExaminationDialect } from './examination-dialect.ts';
import type { InsertDialect } from './insert-dialect.ts';
import type { SchemaDialect } from './schema-dialect.ts';

/** A dialect in parts, each loaded when it is needed: most runs need the first one only. */
interface DialectParts {
  readonly main: () => Promise<Dialect>;
  readonly schema: () => Promise<SchemaDialect>;
  readonly insert: () => Promise<InsertDialect>;
  readonly examination: () => Promise<ExaminationDialect>;
}

export const dialects: Readonly<Record<Target['dialect'], DialectParts>> = {
  postgresql: {
    main: async () => (await import('./postgresql/postgresql.ts')).postgresql,
    schema: async () => (await import('./postgresql/schema.ts')).postgresqlSchema,
    insert: async () => (await import('./postgresql/insert.ts')).postgresqlInsert,
    examination: async () => (await import('./postgresql/examination.ts')).postgresqlExamination,
  },
  mysql: {
    main: async () => (await import('./mysql/mysql.ts')).mysql,
    schema: async () => (await import('./mysql/schema.ts')).mysqlSchema,
    insert: async () => (await import('./mysql/insert.ts')).mysqlInsert,
    examination: async () => (await import('./mysql/examination.ts')).mysqlExamination,
  },
  sqlite: {
    main: async () => (await import('./sqlite/sqlite.ts')).sqlite,
    schema: async () => (await import('./sqlite/schema.ts')).sqliteSchema,
    insert: async () => (await import('./sqlite/insert.ts')).sqliteInsert,
    examination: async () => (await import('./sqlite/examination.ts')).sqliteExamination,
  },
};
