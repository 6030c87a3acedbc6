import { describe, inject } from 'vitest';

export type Dialect = 'postgresql' | 'mysql' | 'sqlite';
export type ServerDialect = Exclude<Dialect, 'sqlite'>;
export type ServerKind = ServerDialect | 'redis';

/** A server as the one probe before all tests found it. */
export type Server = { readonly url: string } | { readonly missing: string };
export type Servers = Readonly<Record<ServerKind, Server>>;

declare module 'vitest' {
  interface ProvidedContext {
    servers: Servers;
    /** The beginning of the name of every database and of every key in the shared Redis that this run makes. */
    databasePrefix: string;
    /** Where every file of this run lies; anybody may look into it. */
    temporaryDirectory: string;
  }
}

/** A suite that needs a dialect: skipped, with the reason in its name, where no server was found. */
export function describeOn(dialect: Dialect, name: string, body: () => void): void {
  describeUnless(missingServer(dialect), name, body);
}

/** A suite that needs Redis and no database. */
export function describeOnRedis(name: string, body: () => void): void {
  describeUnless(missingServer('redis'), name, body);
}

/** A suite that needs a dialect and Redis beside it. */
export function describeWithRedis(dialect: Dialect, name: string, body: () => void): void {
  describeUnless(missingServer(dialect) ?? missingServer('redis'), name, body);
}

/** A suite that is skipped, with the reason in its name, where something is missing. */
export function describeUnless(missing: string | undefined, name: string, body: () => void): void {
  describe.skipIf(missing !== undefined)(
    missing === undefined ? name : `${name} (skipped: ${missing})`,
    body,
  );
}

/** Why tests of a dialect or of Redis cannot run here, or undefined where they can. */
export function missingServer(kind: Dialect | 'redis'): string | undefined {
  if (kind === 'sqlite') return undefined;
  const server = inject('servers')[kind];
  return 'missing' in server ? server.missing : undefined;
}

/** The URL of a server, with a user who may create databases, and no database in it. */
export function serverUrl(kind: ServerKind): string {
  const server = inject('servers')[kind];
  if ('missing' in server) throw new Error(server.missing);
  return server.url;
}
