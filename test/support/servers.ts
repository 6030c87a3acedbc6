import { describe, inject } from 'vitest';

export type Dialect = 'postgresql' | 'mysql' | 'sqlite';
export type ServerDialect = Exclude<Dialect, 'sqlite'>;

/** A database server as the one probe before all tests found it. */
export type Server = { readonly url: string } | { readonly missing: string };
export type Servers = Readonly<Record<ServerDialect, Server>>;

declare module 'vitest' {
  interface ProvidedContext {
    servers: Servers;
    /** The beginning of the name of every database that this run makes. */
    databasePrefix: string;
    /** Where every file of this run lies; anybody may look into it. */
    temporaryDirectory: string;
  }
}

/** A suite that needs a dialect: skipped, with the reason in its name, where no server was found. */
export function describeOn(dialect: Dialect, name: string, body: () => void): void {
  const missing = missingServer(dialect);
  describe.skipIf(missing !== undefined)(
    missing === undefined ? name : `${name} (skipped: ${missing})`,
    body,
  );
}

/** Why tests of a dialect cannot run here, or undefined where they can. */
export function missingServer(dialect: Dialect): string | undefined {
  if (dialect === 'sqlite') return undefined;
  const server = inject('servers')[dialect];
  return 'missing' in server ? server.missing : undefined;
}

/** The URL of a server, with a user who may create databases, and no database in it. */
export function serverUrl(dialect: ServerDialect): string {
  const server = inject('servers')[dialect];
  if ('missing' in server) throw new Error(server.missing);
  return server.url;
}
