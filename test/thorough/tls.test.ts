import { mkdtempSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import mysql from 'mysql2/promise';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { missingMariadb, startPrivateMariadb, type PrivateMariadb } from '../support/private-mariadb.ts';
import { runMain } from '../support/fake-system.ts';
import {
  makeCertificate,
  missingInitdb,
  missingOpenssl,
  startPrivatePostgres,
  type PrivatePostgres,
} from '../support/private-postgres.ts';

/** A user whom the server lets in without SCRAM. */
const unbound = (user: string) => `?user=${user}&sslmode=require&channel_binding=require`;

const missing = missingInitdb() ?? missingOpenssl();

describe.skipIf(missing !== undefined)(
  `PostgreSQL that takes connections with TLS alone${missing === undefined ? '' : ` (skipped: ${missing})`}`,
  () => {
    const directory = mkdtempSync(join(inject('temporaryDirectory'), 'tls-'));
    let server: PrivatePostgres;

    beforeAll(async () => {
      const certificate = makeCertificate();
      writeFileSync(join(directory, 'ca.pem'), certificate.cert);
      server = await startPrivatePostgres('right-password', { tls: certificate });
      const admin = new pg.Client({ connectionString: server.url, ssl: { rejectUnauthorized: false } });
      await admin.connect();
      await admin.query("CREATE ROLE trusted LOGIN; CREATE ROLE plain LOGIN PASSWORD 'right-password'");
      await admin.end();
    });
    afterAll(() => server.stop());

    /** Runs `list`; 5, since the database is reached and holds no session table, is the sign of a connection. */
    const list = (host: string, parameters: string, tls = '', env: Readonly<Record<string, string>> = {}) =>
      run(host, parameters, tls, ['list'], env);
    const run = (
      host: string,
      parameters: string,
      tls: string,
      words: readonly string[],
      env: Readonly<Record<string, string>> = {},
    ) => {
      const url = server.url.replace('127.0.0.1', host) + parameters;
      const file = join(directory, 'sessionctl.toml');
      writeFileSync(file, `[profiles.p]\nurl = "${url}"\n${tls}`, { mode: 0o600 });
      return runMain(['--config', file, '--profile', 'p', ...words], { env });
    };
    const tls = (words: string) => `[profiles.p.tls]\n${words}\n`;

    it.each([
      ['in the clear', 'localhost', '', '', 4, /cannot use .* no encryption/],
      ['encrypted by the URL', 'localhost', '?sslmode=require', '', 5, /no session table/],
      [
        'verified without an authority',
        'localhost',
        '?sslmode=verify-full',
        '',
        4,
        /cannot trust .* self-signed/,
      ],
      ['with the authority', 'localhost', '', tls('ca = "ca.pem"'), 5, /no session table/],
      [
        'with the authority, by another name',
        '127.0.0.1',
        '',
        tls('ca = "ca.pem"'),
        4,
        /cannot trust .* IP: 127/,
      ],
      ['unverified', '127.0.0.1', '', tls('reject_unauthorized = false'), 5, /no session table/],
      ['preferred', 'localhost', '?sslmode=prefer', '', 5, /no session table/],
      ['allowed', 'localhost', '?sslmode=allow', '', 5, /no session table/],
      ['bound', 'localhost', '?sslmode=require&channel_binding=require', '', 5, /no session table/],
      [
        'bound, without a password',
        'localhost',
        unbound('trusted'),
        '',
        4,
        /does not support channel binding/,
      ],
      [
        'bound, with a password as it is',
        'localhost',
        unbound('plain'),
        '',
        4,
        /does not support channel binding/,
      ],
      [
        'bound without TLS',
        'localhost',
        '?channel_binding=require',
        '',
        3,
        /channel binding, which needs TLS/,
      ],
      ['not at all', 'localhost', '?sslmode=disable', tls(''), 3, /the two contradict each other/],
      [
        'with the authority in the URL',
        'localhost',
        '?sslmode=verify-full&sslrootcert=ca.pem',
        '',
        5,
        /no session table/,
      ],
      [
        'an authority makes require verify, as in libpq, but not the name',
        '127.0.0.1',
        '?sslmode=require&sslrootcert=ca.pem',
        '',
        5,
        /no session table/,
      ],
      [
        'an address for the host that the certificate names',
        'localhost',
        '?hostaddr=127.0.0.1&sslmode=verify-full&sslrootcert=ca.pem',
        '',
        5,
        /no session table/,
      ],
      ['section without an authority', 'localhost', '', tls(''), 4, /cannot trust .* self-signed/],
    ])('%s', async (_title, host, parameters, section, code, message) => {
      const run = await list(host, parameters, section);
      expect({ code: run.code, stderr: run.stderr }).toEqual({
        code,
        stderr: expect.stringMatching(message) as unknown,
      });
      expect(run.stderr).not.toContain('right-password');
    });

    it.each([
      ['?sslmode=require', '', /^TLSv1\.\d, without a verified certificate$/],
      ['?sslmode=verify-full', tls('ca = "ca.pem"'), /^TLSv1\.\d, with a verified certificate$/],
    ])('doctor says how the connection is protected (%s)', async (parameters, section, result) => {
      const admin = new pg.Client({ connectionString: server.url, ssl: { rejectUnauthorized: false } });
      await admin.connect();
      await admin.query(
        'CREATE TABLE session (id text PRIMARY KEY, token text, "userId" text, "expiresAt" timestamptz, "createdAt" timestamptz, "updatedAt" timestamptz)',
      );
      try {
        const { stdout } = await run('localhost', parameters, section, ['doctor', '--json']);
        const { checks } = JSON.parse(stdout) as {
          readonly checks: readonly Readonly<Record<string, unknown>>[];
        };
        expect(checks.find(({ id }) => id === 'database-transport')).toMatchObject({
          status: 'ok',
          result: expect.stringMatching(result) as unknown,
        });
      } finally {
        await admin.query('DROP TABLE session');
        await admin.end();
      }
    });

    it.each([
      ['', 'require', 5, /no session table/],
      ['', 'no-verify', 5, /no session table/],
      ['', 'verify-full', 4, /cannot trust .* self-signed/],
      ['', 'prefer', 5, /no session table/],
      ['', 'disable', 4, /no encryption/],
      ['', 'requir', 3, /PGSSLMODE is requir/],
      ['?sslmode=disable', 'require', 4, /no encryption/],
      ['?ssl=no-verify', 'disable', 5, /no session table/],
    ])('the URL ends in "%s" and PGSSLMODE is %s', async (parameters, mode, code, message) => {
      const run = await list('localhost', parameters, '', { PGSSLMODE: mode });
      expect({ code: run.code, stderr: run.stderr }).toEqual({
        code,
        stderr: expect.stringMatching(message) as unknown,
      });
    });
  },
);

const missingForMariadb = missingMariadb() ?? missingOpenssl();

describe.skipIf(missingForMariadb !== undefined)(
  `MariaDB with TLS${missingForMariadb === undefined ? '' : ` (skipped: ${missingForMariadb})`}`,
  () => {
    let server: PrivateMariadb;
    let ca: string;

    beforeAll(async () => {
      const certificate = makeCertificate();
      ca = join(mkdtempSync(join(inject('temporaryDirectory'), 'tls-')), 'ca.pem');
      writeFileSync(ca, certificate.cert);
      server = await startPrivateMariadb({ tls: certificate });
      const admin = await mysql.createConnection(server.url);
      await admin.query("CREATE USER careful@'%' REQUIRE SSL");
      await admin.query("GRANT SELECT ON auth.* TO careful@'%'");
      await admin.end();
    });
    afterAll(() => server.stop());

    // The certificate is for localhost alone.
    it.each([
      ['localhost', '', 4],
      ['localhost', '?ssl-mode=DISABLED', 4],
      ['localhost', '?ssl-mode=PREFERRED', 5],
      ['localhost', '?ssl-mode=REQUIRED', 5],
      ['localhost', '?ssl-mode=VERIFY_IDENTITY', 4],
      ['localhost', '?ssl-mode=VERIFY_IDENTITY&ssl-ca={ca}', 5],
      ['127.0.0.1', '?ssl-mode=VERIFY_CA&ssl-ca={ca}', 5],
      ['127.0.0.1', '?ssl-mode=VERIFY_IDENTITY&ssl-ca={ca}', 4],
      ['127.0.0.1', '?ssl={"rejectUnauthorized":true}', 4],
    ])('%s with %s ends with %i', async (host, parameters, code) => {
      const url = server.url.replace('root@127.0.0.1', `careful@${host}`) + parameters.replace('{ca}', ca);
      const { stderr, code: ended } = await runMain(['--url', url, 'list']);
      expect({ stderr, code: ended }).toEqual({
        stderr: expect.not.stringContaining('defect') as string,
        code,
      });
    });
  },
);
