import { spawnSync } from 'node:child_process';
import { chownSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import mysql from 'mysql2/promise';
import { inject } from 'vitest';
import { freePort } from './private-postgres.ts';
import { startServer, type PrivateServer } from './private-server.ts';

export interface PrivateMariadb extends PrivateServer {
  /** Of its root, in a database that is empty. */
  readonly url: string;
}

/** mariadbd refuses to run as root; nobody may own it as well as anybody. */
const identity = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {};

/** Why no private server can be started here, or undefined where one can. */
export function missingMariadb(): string | undefined {
  const works = ['mariadb-install-db', 'mariadbd'].every(
    (program) => spawnSync(program, ['--help']).error === undefined,
  );
  return works ? undefined : 'no mariadb-install-db and mariadbd in PATH to start a server of its own';
}

export interface PrivateMariadbOptions {
  /** Keeps a binary log, as whoever replicates does, under this number among the servers. */
  readonly serverId?: number;
  /** Offers TLS with this certificate. */
  readonly tls?: { readonly cert: string; readonly key: string };
}

/** A MariaDB server that a test may restart, or set read-only. */
export async function startPrivateMariadb({
  serverId,
  tls,
}: PrivateMariadbOptions = {}): Promise<PrivateMariadb> {
  const directory = mkdtempSync(join(inject('temporaryDirectory'), 'mariadb-'));
  const data = join(directory, 'data');
  if (identity.uid !== undefined) chownSync(directory, identity.uid, identity.gid);
  const made = spawnSync(
    'mariadb-install-db',
    [
      '--no-defaults',
      `--tmpdir=${directory}`,
      `--datadir=${data}`,
      '--auth-root-authentication-method=normal',
      '--skip-test-db',
    ],
    { ...identity, cwd: directory, encoding: 'utf8' },
  );
  if (made.status !== 0) throw new Error(`mariadb-install-db: ${made.stdout}${made.stderr}`);
  const certificate = Object.entries(tls ?? {}).map(([name, text]) => {
    const path = join(directory, `${name}.pem`);
    writeFileSync(path, text, { mode: 0o644 });
    return `--ssl-${name}=${path}`;
  });
  const port = await freePort();
  const root = `mysql://root@127.0.0.1:${String(port)}`;
  const connect = () => mysql.createConnection(root);
  const server = await startServer(
    'mariadbd',
    [
      '--no-defaults',
      // On its start it takes away all temporary tables there, and a server that was working on one crashes.
      `--tmpdir=${directory}`,
      `--datadir=${data}`,
      `--port=${String(port)}`,
      '--bind-address=127.0.0.1',
      `--socket=${join(directory, 'socket')}`,
      `--pid-file=${join(directory, 'pid')}`,
      // What is committed outlives the process, as on any server that people rely on.
      '--innodb-flush-log-at-trx-commit=2',
      ...(serverId === undefined ? [] : [`--server-id=${String(serverId)}`, '--log-bin=binlog']),
      ...certificate,
    ],
    {
      ...identity,
      cwd: directory,
      // A proper shutdown waits for what is under way; a test of a restart does not want to be spared.
      stopBy: 'SIGKILL',
      isUp: async () => {
        const connection = await connect();
        await connection.end();
      },
    },
  );
  const connection = await connect();
  await connection.query('CREATE DATABASE auth');
  await connection.end();
  return {
    url: `${root}/auth`,
    restart: server.restart,
    stop: async () => {
      await server.stop();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** Lets one private server follow another from now on. What both have by then has to be the same. */
export async function followPrimary(replica: PrivateMariadb, primary: PrivateMariadb): Promise<void> {
  const [from, to] = await Promise.all([primary, replica].map(({ url }) => mysql.createConnection(url)));
  if (from === undefined || to === undefined) throw new Error('two connections were asked for');
  const [rows] = await from.query('SELECT @@gtid_binlog_pos AS position');
  const [{ position }] = rows as [{ readonly position: string }];
  await to.query(`RESET MASTER`);
  await to.query(`SET GLOBAL gtid_slave_pos = '${position}'`);
  const { hostname, port } = new URL(primary.url);
  await to.query(
    `CHANGE MASTER TO MASTER_HOST = '${hostname}', MASTER_PORT = ${port}, MASTER_USER = 'root',
       MASTER_USE_GTID = slave_pos, MASTER_CONNECT_RETRY = 1`,
  );
  await to.query('START SLAVE');
  await Promise.all([from.end(), to.end()]);
}
