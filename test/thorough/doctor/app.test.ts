import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { betterAuth, type BetterAuthOptions } from 'better-auth';
import { getMigrations } from 'better-auth/db/migration';
import { toNodeHandler } from 'better-auth/node';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { appOptions, signIn, signUp, type Person } from '../../support/app.ts';
import { createSqlite, type SqliteDatabase } from '../../support/databases.ts';
import { examine, type DoctorConfig, type Examined } from '../../support/doctor.ts';
import { dumpTables } from '../../support/dump.ts';
import { runMain } from '../../support/fake-system.ts';
import { freePort } from '../../support/private-postgres.ts';

let database: SqliteDatabase;
let person: Person;
const servers: Server[] = [];

type Settings = Pick<BetterAuthOptions, 'advanced' | 'session' | 'baseURL' | 'basePath'>;

beforeAll(async () => {
  database = await createSqlite();
  const options = appOptions({ database: database.connection });
  await (await getMigrations(options)).runMigrations();
  person = await signUp(betterAuth(options), 'Ada', 'ada@example.com');
});
afterAll(async () => {
  for (const server of servers) server.close();
  await database.drop();
});

type Listener = Parameters<typeof createServer>[1];

async function listen(handler: Listener): Promise<string> {
  const server = createServer(handler);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`;
}

/** A real server with Better Auth in it. */
async function serve(
  settings: Settings = {},
  around: (handler: Listener) => Listener = (handler) => handler,
) {
  const app = betterAuth({ ...appOptions({ database: database.connection }), ...settings });
  const url = await listen(around((request, response) => void toNodeHandler(app)(request, response)));
  const { cookie, token } = await signIn(app, person, { ip: '192.0.2.1', userAgent: 'Firefox' });
  return { url, cookie, token };
}

/** What is wrong with the application; the database is that of a healthy deployment. */
async function examineApp(url: string, cookie: string | null, config: DoctorConfig = {}): Promise<Examined> {
  return examine(database.url, config, {
    words: ['--app-url', url, ...(cookie === null ? [] : ['--cookie-stdin'])],
    ...(cookie === null ? {} : { stdin: `Cookie: ${cookie}\n` }),
  });
}

describe('doctor --app-url', () => {
  test('of a healthy application nothing is said, and its sessions stay as they are', async () => {
    const { url, cookie, token } = await serve();
    const before = await dumpTables(database);
    const { wrong, code, stdout, stderr, of } = await examineApp(url, cookie);
    expect({ wrong, code, stderr }).toEqual({ wrong: [], code: 0, stderr: '' });
    expect(of('app-cookie-lifetime').result).toBe('7d, the same as expires_in');
    expect(stdout).not.toContain(token);
    expect(await dumpTables(database)).toEqual(before);
  });

  test('a session that is due for refresh is not refreshed for it', async () => {
    const { url, cookie, token } = await serve();
    const at = (days: number) => new Date(Date.now() + days * 86_400_000).toISOString();
    await database.query(
      `UPDATE session SET "updatedAt" = '${at(-2)}', "createdAt" = '${at(-2)}', "expiresAt" = '${at(5)}' WHERE token = '${token}'`,
    );
    const before = await dumpTables(database);
    const { wrong, of } = await examineApp(url, cookie);
    expect(wrong).toEqual(['app-cookie-cache: warn']);
    expect(of('app-cookie-cache')).toMatchObject({ inconclusive: true });
    expect(await dumpTables(database)).toEqual(before);
  });

  test('without a cookie two things are not known, and neither is taken for well', async () => {
    const { url } = await serve();
    const { wrong, code, of } = await examineApp(url, null);
    expect({ wrong, code }).toEqual({
      wrong: ['app-cookie-cache: warn', 'app-cookie-lifetime: warn'],
      code: 0,
    });
    expect(of('app-cookie-cache')).toMatchObject({ inconclusive: true });
    expect(of('app-cookie-lifetime')).toMatchObject({ inconclusive: true });
  });

  test('a cache of cookies that is configured as it is', async () => {
    const { url, cookie } = await serve({ session: { cookieCache: { enabled: true, maxAge: 300 } } });
    const session = 'cookie_cache = { enabled = true, max_age = "5m" }';
    const { wrong, of, stdout } = await examineApp(url, cookie, { session });
    expect(wrong).toEqual([]);
    expect(of('app-cookie-cache').result).toBe(
      'the application sets a copy for 5m and answers from it, the same as cookie_cache',
    );
    expect(stdout).not.toContain('eyJ');
  });

  test.each<[string, Settings, DoctorConfig, readonly string[]]>([
    [
      'no HttpOnly',
      { advanced: { defaultCookieAttributes: { httpOnly: false } } },
      {},
      ['app-cookie-httponly: fail'],
    ],
    [
      'SameSite=None with Secure',
      { advanced: { defaultCookieAttributes: { sameSite: 'none', secure: true } } },
      {},
      ['app-cookie-samesite: warn'],
    ],
    ['another prefix', { advanced: { cookiePrefix: 'shop' } }, {}, ['app-cookie-prefix: fail']],
    [
      'another prefix, configured',
      { advanced: { cookiePrefix: 'shop', useSecureCookies: true } },
      { auth: 'secret = "${TEST_SECRET}"\nbase_url = "http://localhost:3000"\ncookie_prefix = "shop"' },
      [],
    ],
    ['a longer life', { session: { expiresIn: 30 * 86_400 } }, {}, ['app-cookie-lifetime: warn']],
    [
      'a cache of cookies that nobody configured',
      { session: { cookieCache: { enabled: true, maxAge: 600 } } },
      {},
      ['app-cookie-cache: fail'],
    ],
    [
      'no cache of cookies, where one is configured',
      {},
      { session: 'cookie_cache = { enabled = true, max_age = "5m" }' },
      ['app-cookie-cache: warn'],
    ],
  ])('%s', async (_name, settings, config, expected) => {
    const { url, cookie } = await serve(settings);
    const { wrong, of, checks } = await examineApp(url, cookie, config);
    const ofApp = wrong.filter((each) => each.startsWith('app-'));
    expect(ofApp).toEqual(expected);
    for (const { id, status, remedy } of checks)
      if (id.startsWith('app-') && status !== 'ok') expect(of(id).remedy).toBe(remedy);
    await database.query('DELETE FROM session');
  });

  test('a cookie without Secure from an address that others can reach', async () => {
    // The host is a name of this machine that is not known to be one.
    const { url } = await serve();
    const { of } = await examineApp(url.replace('127.0.0.1', '0.0.0.0'), null);
    expect(of('app-cookie-secure').status).toBe('fail');
  });

  test.each<[string, Readonly<Record<string, string>>, string]>([
    ['says how old its answer is', { age: '12' }, 'fail'],
    ['says that it hit', { 'cf-cache-status': 'HIT' }, 'fail'],
    ['gives the same date twice', { date: 'Tue, 24 Nov 2026 04:00:00 GMT' }, 'fail'],
    ['may be kept by anybody', { 'cache-control': 'public, max-age=60' }, 'fail'],
    ['says nothing', { 'cache-control': '' }, 'warn'],
  ])('a proxy in front that %s', async (_name, headers, status) => {
    const { url } = await serve({}, (handler) => (request, response) => {
      const writeHead = response.writeHead.bind(response);
      response.writeHead = (code: number, ...rest: never[]) => {
        for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
        return writeHead(code, ...rest);
      };
      handler?.(request, response);
    });
    const { of } = await examineApp(url, null);
    expect(of('app-answer-cache')).toMatchObject({ status, remedy: { kind: 'typescript' } });
  });

  test('Better Auth at another path', async () => {
    const { url, cookie } = await serve({ basePath: '/auth' });
    const [missing, found] = [await examineApp(url, null), await examineApp(`${url}/auth/`, cookie)];
    expect(missing.of('app-reachable')).toMatchObject({ status: 'fail' });
    expect(missing.of('app-cookie-httponly')).toMatchObject({ status: 'warn', inconclusive: true });
    expect(found.wrong).toEqual([]);
  });

  test('what is not Better Auth, endless, or sends elsewhere, gets no cookie and no judgement', async () => {
    const seen: (string | undefined)[] = [];
    const elsewhere = await listen((request, response) => {
      seen.push(request.headers.cookie);
      response.end('null');
    });
    const away = await listen((_request, response) => {
      response.writeHead(302, { location: elsewhere.replace('127.0.0.1', 'localhost') }).end();
    });
    const endless = await listen((_request, response) => {
      const more = () => {
        while (!response.destroyed && response.write('x'.repeat(65_536)));
      };
      response.on('drain', more);
      more();
    });
    const cookie = 'better-auth.session_token=not-to-be-seen-anywhere.0123456789';
    for (const [url, words] of [
      [away, 'redirects to'],
      [endless, 'more than 256 KB'],
      [`http://127.0.0.1:${String(await freePort())}`, 'no server listens there'],
    ] as const) {
      const { of, stdout, stderr, wrong } = await examineApp(url, cookie);
      expect(of('app-reachable')).toMatchObject({ status: 'fail' });
      expect(of('app-reachable').result).toContain(words);
      expect(of('app-cookie-lifetime')).toMatchObject({ status: 'warn', inconclusive: true });
      expect(wrong.filter((each) => each.startsWith('app-'))).toHaveLength(8);
      expect(stdout + stderr).not.toContain('not-to-be-seen');
    }
    expect(seen).toEqual([]);
    // To another port of the same host whoever has no cookie goes, and nobody who has one.
    const moved = await listen((_request, response) => {
      response.writeHead(307, { location: elsewhere }).end();
    });
    const { of, stdout } = await examineApp(moved, cookie);
    expect(of('app-reachable').status).toBe('ok');
    expect(of('app-cookie-lifetime')).toMatchObject({ status: 'warn', inconclusive: true });
    expect(stdout).not.toContain('not-to-be-seen');
    expect(new Set(seen)).toEqual(new Set([undefined]));
  });

  test.each([
    [['--app-url', 'ftp://example.com'], ''],
    [['--app-url', 'nothing'], ''],
    [['--app-url', 'https://ada:hunter22@example.com'], ''],
    [['--cookie-stdin'], ''],
    [['--app-url', 'http://app.example.com', '--cookie-stdin'], 'better-auth.session_token=secret.signature'],
    [['--app-url', 'https://app.example.com', '--cookie-stdin'], 'not-a-cookie'],
    [['--app-url', 'https://app.example.com', '--cookie-stdin'], 'session_token=a\u0001b'],
  ])('%j is refused', async (words, stdin) => {
    const { code, stdout, stderr } = await runMain(['--url', database.url, 'doctor', ...words], { stdin });
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).not.toMatch(/hunter22|secret\.signature|not-a-cookie|a\\x01b/);
  });
});
