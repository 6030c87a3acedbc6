import { spawnSync } from 'node:child_process';
import { chownSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import pg from 'pg';
import { inject } from 'vitest';
import { startServer } from './private-server.ts';

export interface PrivatePostgres {
  readonly url: string;
  /** Breaks every connection; when this returns, the server can be used again. */
  readonly restart: () => Promise<void>;
  readonly stop: () => Promise<void>;
}

/** initdb and postgres refuse to run as root; nobody may own them as well as anybody. */
const identity = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {};

/** Why no private server can be started here, or undefined where one can. */
export function missingInitdb(): string | undefined {
  const works = ['initdb', 'postgres'].every((program) => spawnSync(program, ['--version']).status === 0);
  return works ? undefined : 'no initdb and postgres in PATH to start a server that asks for a password';
}

const COMMON_SETTINGS = ['listen_addresses=127.0.0.1', 'fsync=off'].flatMap((setting) => ['-c', setting]);

export interface PrivateOptions {
  /** Takes connections with TLS alone, and shows this certificate; `trusted` needs no password, `plain` sends it as it is. */
  readonly tls?: { readonly cert: string; readonly key: string };
}

/** A PostgreSQL server that asks for a password, which a developer's own seldom does. */
export async function startPrivatePostgres(
  password: string,
  { tls }: PrivateOptions = {},
): Promise<PrivatePostgres> {
  const directory = mkdtempSync(join(inject('temporaryDirectory'), 'postgres-'));
  const data = join(directory, 'data');
  const passwordFile = join(directory, 'password');
  writeFileSync(passwordFile, password);
  if (identity.uid !== undefined)
    for (const path of [directory, passwordFile]) chownSync(path, identity.uid, identity.gid);
  const made = spawnSync(
    'initdb',
    ['-D', data, '-U', 'postgres', '--no-sync', '--auth', 'scram-sha-256', '--pwfile', passwordFile],
    { ...identity, cwd: directory, encoding: 'utf8' },
  );
  if (made.status !== 0) throw new Error(`initdb: ${made.stderr}`);
  const port = await freePort();
  const tlsArguments = tls === undefined ? [] : requireTls(data, tls);
  const url = `postgres://postgres:${password}@127.0.0.1:${String(port)}/postgres`;
  const isUp = async () => {
    const client = new pg.Client({
      connectionString: url,
      ssl: tls === undefined ? false : { rejectUnauthorized: false },
    });
    await client.connect();
    await client.end();
  };
  const server = await startServer(
    'postgres',
    ['-D', data, '-p', String(port), '-k', directory, ...COMMON_SETTINGS, ...tlsArguments],
    { ...identity, cwd: directory, stopBy: 'SIGINT', isUp },
  );
  return {
    url,
    restart: server.restart,
    stop: async () => {
      await server.stop();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** Why no replica can be made here, or undefined where one can. */
export function missingBasebackup(): string | undefined {
  const works = spawnSync('pg_basebackup', ['--version']).status === 0;
  return missingInitdb() ?? (works ? undefined : 'no pg_basebackup in PATH to make a replica');
}

/** A replica of a private server, which follows it. */
export async function startPostgresReplica(primary: PrivatePostgres): Promise<PrivatePostgres> {
  const directory = mkdtempSync(join(inject('temporaryDirectory'), 'postgres-replica-'));
  const data = join(directory, 'data');
  if (identity.uid !== undefined) chownSync(directory, identity.uid, identity.gid);
  const copied = spawnSync(
    'pg_basebackup',
    ['--dbname', primary.url, '--pgdata', data, '--write-recovery-conf', '--checkpoint=fast', '--no-sync'],
    { ...identity, cwd: directory, encoding: 'utf8' },
  );
  if (copied.status !== 0) throw new Error(`pg_basebackup: ${copied.stderr}`);
  const port = await freePort();
  const url = new URL(primary.url);
  url.port = String(port);
  const isUp = async () => {
    const client = new pg.Client({ connectionString: url.href });
    await client.connect();
    await client.end();
  };
  const server = await startServer(
    'postgres',
    [...['-D', data, '-p', String(port), '-k', directory], ...COMMON_SETTINGS],
    { ...identity, cwd: directory, stopBy: 'SIGINT', isUp },
  );
  return {
    url: url.href,
    restart: server.restart,
    stop: async () => {
      await server.stop();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** Puts certificate and key where the server looks for them, and leaves connections in the clear no way in. */
function requireTls(data: string, { cert, key }: NonNullable<PrivateOptions['tls']>): readonly string[] {
  for (const [name, text] of [
    ['server.crt', cert],
    ['server.key', key],
    [
      'pg_hba.conf',
      'hostssl all trusted all trust\nhostssl all plain all password\nhostssl all all all scram-sha-256\n',
    ],
  ] as const) {
    const path = join(data, name);
    writeFileSync(path, text, { mode: 0o600 });
    if (identity.uid !== undefined) chownSync(path, identity.uid, identity.gid);
  }
  return ['-c', 'ssl=on'];
}

/** Why no certificate can be made here, or undefined where one can. */
export function missingOpenssl(): string | undefined {
  return spawnSync('openssl', ['version']).status === 0
    ? undefined
    : 'no openssl in PATH to make a certificate';
}

/** A certificate that signs itself, for `localhost` and no other name. */
export function makeCertificate(): { readonly cert: string; readonly key: string } {
  const directory = mkdtempSync(join(inject('temporaryDirectory'), 'certificate-'));
  const [cert, key] = [join(directory, 'cert.pem'), join(directory, 'key.pem')];
  const words = `req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost`;
  const made = spawnSync('openssl', [...words.split(' '), '-keyout', key, '-out', cert], {
    encoding: 'utf8',
  });
  if (made.status !== 0) throw new Error(`openssl: ${made.stderr}`);
  return { cert: readFileSync(cert, 'utf8'), key: readFileSync(key, 'utf8') };
}

/** A port on which nothing listens. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}
