import { mkdtempSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { runMain } from '../support/fake-system.ts';
import {
  makeCertificate,
  missingInitdb,
  missingOpenssl,
  startPrivatePostgres,
  type PrivatePostgres,
} from '../support/private-postgres.ts';

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
    });
    afterAll(() => server.stop());

    /** Runs `list`; 5, since the database is reached and holds no session table, is the sign of a connection. */
    const list = (host: string, parameters: string, tls = '') => {
      const url = server.url.replace('127.0.0.1', host) + parameters;
      const file = join(directory, 'sessionctl.toml');
      writeFileSync(file, `[profiles.p]\nurl = "${url}"\n${tls}`, { mode: 0o600 });
      return runMain(['--config', file, '--profile', 'p', 'list']);
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
      ['section without an authority', 'localhost', '', tls(''), 4, /cannot trust .* self-signed/],
    ])('%s', async (_title, host, parameters, section, code, message) => {
      const run = await list(host, parameters, section);
      expect({ code: run.code, stderr: run.stderr }).toEqual({
        code,
        stderr: expect.stringMatching(message) as unknown,
      });
      expect(run.stderr).not.toContain('right-password');
    });
  },
);
