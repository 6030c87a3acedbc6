import { spawnSync } from 'node:child_process';
import { chownSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { inject } from 'vitest';
import { freePort } from './private-postgres.ts';
import { startServer } from './private-server.ts';

/** A pooler in front of the PostgreSQL server that the tests share. */
export interface Pgbouncer {
  /** The URL of a database, by way of the pooler. */
  readonly through: (url: string) => string;
  readonly stop: () => Promise<void>;
}

/** It refuses to run as root; nobody may own it as well as anybody. */
const identity = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {};

/** Why no pooler can be started here, or undefined where one can. */
export function missingPgbouncer(): string | undefined {
  const isThere = spawnSync('pgbouncer', ['--version']).status === 0;
  if (isThere) return undefined;
  if (process.env['SESSIONCTL_REQUIRE_SERVERS'] === '1') throw new Error('no pgbouncer in PATH');
  return 'no pgbouncer in PATH';
}

/** @param settings of its `[pgbouncer]`, beside those that any has */
export async function startPgbouncer(
  server: string,
  settings: Readonly<Record<string, string | number>>,
): Promise<Pgbouncer> {
  const directory = mkdtempSync(join(inject('temporaryDirectory'), 'pgbouncer-'));
  const { hostname, port, username } = new URL(server);
  const own = await freePort();
  const file = join(directory, 'pgbouncer.ini');
  const written = {
    listen_addr: '127.0.0.1',
    listen_port: own,
    auth_type: 'any',
    unix_socket_dir: '',
    logfile: join(directory, 'log'),
    pidfile: join(directory, 'pid'),
    ...settings,
  };
  writeFileSync(
    file,
    `[databases]\n* = host=${hostname} port=${port === '' ? '5432' : port} user=${username}\n[pgbouncer]\n${Object.entries(
      written,
    )
      .map(([name, value]) => `${name} = ${String(value)}\n`)
      .join('')}`,
  );
  if (identity.uid !== undefined)
    for (const path of [directory, file]) chownSync(path, identity.uid, identity.gid);
  const through = (url: string) => {
    const other = new URL(url);
    other.hostname = '127.0.0.1';
    other.port = String(own);
    return other.href;
  };
  const process_ = await startServer('pgbouncer', [file], {
    ...identity,
    cwd: directory,
    stopBy: 'SIGKILL',
    isUp: async () => {
      const client = new pg.Client({ connectionString: through(server) });
      await client.connect();
      await client.end();
    },
  });
  return {
    through,
    stop: async () => {
      await process_.stop();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
