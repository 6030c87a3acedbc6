/** A part of Knex that it has no types for. Importing it loads one dialect instead of nine. */
declare module 'knex/lib/knex-builder/make-knex.js' {
  import type { Knex } from 'knex';
  const makeKnex: (client: Knex.Client) => Knex;
  export default makeKnex;
}

declare module 'knex/lib/dialects/better-sqlite3/index.js' {
  import type { Knex } from 'knex';
  const Client: new (config: Knex.Config) => Knex.Client;
  export default Client;
}

declare module 'knex/lib/dialects/mysql2/index.js' {
  import type { Connection } from 'mysql2';
  const Client: new (config: Knex.Config) => {
    _query(connection: Connection, query: { readonly sql: string }): Promise<{ readonly sql: string }>;
  };
  export default Client;
}

declare module 'knex/lib/dialects/postgres/index.js' {
  import type { Client as PgClient } from 'pg';
  const Client: new (config: Knex.Config) => {
    _query(connection: PgClient, query: { readonly sql: string }): Promise<{ readonly sql: string }>;
  };
  export default Client;
}
