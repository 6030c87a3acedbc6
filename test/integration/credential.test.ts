import { randomUUID } from 'node:crypto';
import { getMigrations } from 'better-auth/db/migration';
import { admin, bearer, multiSession } from 'better-auth/plugins';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest';
import { LONGEST_LINE, looksLikeCredential } from '../../src/sessions/credential.ts';
import { candidatesOf, readPaste } from '../../src/sessions/pasted.ts';
import { appOptions, baseUrl, createApp, signUp, type App, type AppOptions } from '../support/app.ts';
import { createSqlite, literal, type SqliteDatabase } from '../support/databases.ts';

const TOKEN = 'QsFYstwyxOgyiLyo3IX3osH8abcdEFGH';
const SIGNATURE = 'r3Yy/2hW+0PqXn5sVb8kTd1mLc7uEo9fGj4iKa6wZxQ=';
const SIGNED = `${TOKEN}.${SIGNATURE}`;
const ENCODED = encodeURIComponent(SIGNED);

/** The candidates of a text of one line. */
function tokensOf(text: string): readonly string[] {
  const items = readPaste(text);
  expect(items.map(({ place }) => place)).toEqual(['line 1']);
  return tokensIn(text);
}

function tokensIn(text: string): readonly string[] {
  return readPaste(text).flatMap(({ credentials }) =>
    credentials.flatMap(({ readings }) => readings.map(({ token }) => token)),
  );
}

describe('what Better Auth itself sends', () => {
  let database: SqliteDatabase;
  let app: App;

  beforeAll(async () => {
    database = await createSqlite();
    const options: AppOptions = {
      database: database.connection,
      advanced: { useSecureCookies: true },
      session: { cookieCache: { enabled: true } },
      plugins: [admin(), bearer(), multiSession()],
    };
    const { runMigrations } = await getMigrations(appOptions(options));
    await runMigrations();
    app = createApp(options);
  });
  afterAll(async () => {
    await database.drop();
  });

  const send = (path: string, cookie: string, body: unknown) =>
    app.handler(
      new Request(`${baseUrl}/api/auth${path}`, {
        method: 'POST',
        headers: { cookie, origin: baseUrl, 'content-type': 'application/json' },
        body: JSON.stringify(body),
      }),
    );
  const signInAs = async (name: string) => {
    const person = await signUp(app, name, `${name}-${randomUUID()}@example.com`);
    const response = await send('/sign-in/email', '', {
      email: person.email,
      password: 'correct horse battery staple',
    });
    const { token } = (await response.json()) as { readonly token: string };
    const setCookies = response.headers.getSetCookie();
    return { person, token, setCookies, headers: response.headers, cookie: cookieHeader(setCookies) };
  };
  const cookieHeader = (setCookies: readonly string[]) =>
    setCookies.map((cookie) => cookie.split(';')[0]).join('; ');
  const named = (setCookies: readonly string[], name: string) =>
    setCookies.filter((cookie) => cookie.startsWith(`__Secure-better-auth.${name}`));

  it('holds the token of the session in the session’s cookies, and in no other', async () => {
    const { token, setCookies } = await signInAs('ada');
    expect(setCookies).toHaveLength(3);
    for (const cookie of setCookies) {
      const first = tokensOf(`Set-Cookie: ${cookie}`)[0];
      expect(first).toBe(cookie.includes('session_data') ? undefined : token);
      expect(tokensOf(cookie)[0]).toBe(first);
      expect(looksLikeCredential(cookie)).toBe(true);
    }
    expect(named(setCookies, 'session_data')).toHaveLength(1);
    expect(named(setCookies, `session_token_multi-${token.toLowerCase()}`)).toHaveLength(1);
  });

  it('is read from the headers that a proxy logs', async () => {
    const { token, setCookies, headers, cookie } = await signInAs('ben');
    for (const line of [
      cookie,
      `Cookie: theme=dark; ${cookie}; lang=en`,
      `cookie:${cookie}`,
      `Set-Cookie: ${headers.get('set-cookie') ?? ''}`,
      `set-auth-token: ${headers.get('set-auth-token') ?? ''}`,
      `curl -H 'Cookie: ${cookie}' \\`,
    ]) {
      expect(tokensOf(line)[0]).toBe(token);
      expect(looksLikeCredential(line)).toBe(true);
    }
    expect(setCookies.map((one) => tokensIn(one)[0])).toEqual(
      setCookies.map((one) => (one.includes('session_data') ? undefined : token)),
    );
  });

  it('is ended by Better Auth under the token that was read', async () => {
    const { setCookies } = await signInAs('cleo');
    const [token = ''] = tokensOf(named(setCookies, 'session_token=')[0] ?? '');
    const { internalAdapter } = await app.$context;
    expect(await internalAdapter.findSession(token)).not.toBeNull();
  });

  it('finds both tokens of an administrator who is somebody else', async () => {
    const administrator = await signInAs('dora');
    const { person } = await signInAs('emil');
    await database.query(
      `UPDATE user SET role = 'admin' WHERE id = ${literal('sqlite', administrator.person.id)}`,
    );
    // The cached copy still says that dora is a user like others.
    const cookie = cookieHeader(named(administrator.setCookies, 'session_token='));
    const response = await send('/admin/impersonate-user', cookie, { userId: person.id });
    const { session } = (await response.json()) as { readonly session: { readonly token: string } };
    const stolen = cookieHeader(response.headers.getSetCookie().filter((one) => !one.includes('Max-Age=0')));
    const tokens = tokensOf(`Cookie: ${stolen}`);
    expect(tokens[0]).toBe(session.token);
    expect(tokens).toContain(administrator.token);
    expect(tokens).not.toContain('true');
  });
});

test.each([
  TOKEN,
  `"${TOKEN}"`,
  `'${TOKEN}'`,
  `  "${TOKEN}",`,
  `${TOKEN},`,
  `\ufeff${TOKEN}`,
  `\t${TOKEN} `,
  SIGNED,
  SIGNED.slice(0, -1),
  ENCODED,
  `${TOKEN}.${SIGNATURE.replaceAll('/', '%2f').replaceAll('+', '%2b').replace('=', '%3d')}`,
  encodeURIComponent(ENCODED),
  `"${ENCODED}",`,
  `better-auth.session_token=${ENCODED}`,
  `better-auth.session_token="${SIGNED}"`,
  `better-auth.session_token=${TOKEN}`,
  `'better-auth.session_token=${encodeURIComponent(ENCODED)}',`,
  `__Secure-better-auth.session_token=${ENCODED}; Max-Age=604800; Path=/; HttpOnly; Secure; SameSite=Lax`,
  `__Host-shop.session_token=${SIGNED};Path=/`,
  `better-auth.session_token_multi-${TOKEN.toLowerCase()}=${ENCODED}; Path=/`,
  `better-auth.session_token_multi-${TOKEN.toLowerCase()}=${TOKEN}`,
  `Cookie:\tbetter-auth.session_token=${ENCODED}`,
  `Cookie: a.csrf=x.${SIGNATURE}; better-auth.session_data=eyJ.${SIGNATURE}; better-auth.session_token=${ENCODED}`,
  `"Set-Cookie: better-auth.session_token=${ENCODED}; Path=/",`,
  `set-cookie: theme=dark; Path=/, better-auth.session_token=${ENCODED}; Path=/`,
  `better-auth.admin_session=${encodeURIComponent(`${TOKEN}:true.${SIGNATURE}`)}; Path=/`,
  `sid=${ENCODED}; Path=/; HttpOnly`,
  `Cookie: better-auth.session_data=eyJ; sid=${ENCODED}`,
  `Authorization: Bearer ${TOKEN}`,
  `authorization:bearer ${ENCODED}`,
  `"Authorization": "Bearer ${SIGNED}",`,
  `Bearer  ${SIGNED}`,
])('of %s the likeliest reading is the token', (line) => {
  expect(tokensOf(line)[0]).toBe(TOKEN);
}); // prettier-ignore

test('every session in a header is found', () => {
  const cookies = ['one', 'two', 'three'].map(
    (token) => `a.session_token_multi-${token}=${token}.${SIGNATURE}`,
  );
  expect(tokensOf(`Cookie: ${cookies.join('; ')}`)).toEqual(expect.arrayContaining(['one', 'two', 'three']));
});

test.each([
  'no token here',
  `${TOKEN} ${TOKEN}`,
  'Cookie: theme=dark; lang=en',
  'better-auth.session_token=',
  'better-auth.session_token=; Max-Age=0; Path=/',
  `better-auth.session_data=${TOKEN}`,
  `__Secure-better-auth.session_data.1=${SIGNED}; Max-Age=300`,
  `better-auth.dont_remember=${encodeURIComponent(`true.${SIGNATURE}`)}; Path=/`,
  'Authorization: Basic YTpi',
  `${TOKEN}\u0000`,
  `${TOKEN}\t${TOKEN}`,
  `${TOKEN.slice(0, 9)}\u001b[2J`,
  `better-auth.session_token=${ENCODED}; theme=\u001b[2J`,
  'caf\ufffd',
])('%j holds no token', (line) => {
  expect(tokensOf(line)).toEqual([]);
});

test('what is too long holds no token', () => {
  expect(tokensOf('x'.repeat(512))).toEqual(['x'.repeat(512)]);
  expect(tokensOf('x'.repeat(513))).toEqual([]);
  expect(tokensOf(`better-auth.session_token=${'x'.repeat(513)}`)).toEqual([]);
  const cookie = `better-auth.session_token=${TOKEN}; `;
  expect(tokensOf(cookie + 'x'.repeat(LONGEST_LINE - cookie.length))).toEqual([TOKEN]);
  expect(tokensOf(cookie + 'x'.repeat(LONGEST_LINE + 1 - cookie.length))).toEqual([]);
});

test('a token that is made otherwise is a candidate, whatever it is made of', () => {
  expect(tokensOf('a%zz%4')).toEqual(['a%zz%4']);
  expect(tokensOf('c2VjcmV0LXRva2Vu==')).toEqual(['c2VjcmV0LXRva2Vu==']);
  expect(tokensOf('schlüssel;%41')).toEqual(['schlüssel;A', 'schlüssel;%41']);
  expect(tokensOf('sid=abc')).toEqual(['sid=abc']);
});

test('empty lines are left out and counted, whatever ends a line', () => {
  const items = readPaste(`\ufeff\r\nfirst\r\n\n  \nsecond\rthe third\n`);
  expect(items.map((item) => [item.place, ...candidatesOf(item)])).toEqual([
    ['line 2', 'first'],
    ['line 5', 'second'],
    ['line 6'],
  ]);
  expect(readPaste('')).toEqual([]);
});

test.each([
  `{"token":"${TOKEN}"}`,
  `{"session": {"token": "${TOKEN}", "userId": "1"}}`,
  `https://app.example.com/callback?token=${TOKEN}&x=1`,
  `${TOKEN}.abcd`,
  `${TOKEN},OtherTokenOtherToken`,
  `2026-11-23 10:00 GET /x (${TOKEN})`,
  `token%3D${TOKEN}%26x`,
])('in a form that is not known, a token is found by its length: %s', (line) => {
  const found = readPaste(line).flatMap(candidatesOf);
  expect(found).toContain(TOKEN);
});

test.each([
  SIGNED,
  ENCODED,
  ENCODED.replaceAll('%2B', '%2b'),
  encodeURIComponent(ENCODED),
  `leaked: ${SIGNED} (see the log)`,
  `reason%20${encodeURIComponent(ENCODED)}`,
  `better-auth.session_token=${TOKEN}`,
  `session_token%3D${TOKEN}`,
  `"better-auth.session_token": "${TOKEN}"`,
  'a.session_token_multi-abc=x',
  'better-auth.session_data=eyJzZXNzaW9uIjp7',
  'better-auth.session_data.0=eyJzZXNzaW9uIjp7',
  `%zz better-auth.session_token=${TOKEN}`,
  `Authorization: Bearer ${TOKEN}`,
])('%s looks like a credential', (text) => {
  expect(looksLikeCredential(text)).toBe(true);
});

test.each([
  '',
  TOKEN,
  'QsFYstwy',
  randomUUID(),
  'ada@example.com',
  'ada+session_token@example.com',
  '203.0.113.0/24',
  '2001:db8::/32',
  'idle for 30d, INC-4711',
  'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0',
  'the session_token cookie leaked',
  'session_token=',
  `report.${'a'.repeat(60)}`,
])('%j does not look like a credential', (text) => {
  expect(looksLikeCredential(text)).toBe(false);
});

/** Nothing in these is white, invisible or unassigned; the judge is a list of its own. */
const printable = fc
  .oneof(
    fc.stringMatching(/^[A-Za-z0-9]{32}$/),
    fc.stringMatching(/^[!-~]{1,80}$/),
    fc.string({ unit: fc.constantFrom('ä', '日', '🦊', '%', '%41', '.', '=', "'", '"', ',', '+', '-', 'a', '7'), minLength: 1, maxLength: 40 }),
  )
  .filter((token) => !/^(?:["']?bearer|set-auth-token)|session_|account_data|dont_remember/i.test(token)); // prettier-ignore
const signature = fc
  .uint8Array({ minLength: 32, maxLength: 32 })
  .map((bytes) => Buffer.from(bytes).toString('base64'));

/** Ways in which a token stands in a line, of which `signed` is the value of its cookie. */
const ways: Readonly<Record<string, (token: string, signed: string) => string>> = {
  'as it is': (token) => token,
  'in double quotes': (token) => `"${token}"`,
  'in quotes, as in JSON': (token) => `  "${token}",\r`,
  'in single quotes': (token) => `'${token}'`,
  signed: (_, signed) => signed,
  encoded: (_, signed) => encodeURIComponent(signed),
  'encoded twice': (_, signed) => encodeURIComponent(encodeURIComponent(signed)),
  'as a cookie': (_, signed) => `a.session_token=${encodeURIComponent(signed)}`,
  'as a cookie, encoded twice': (_, signed) =>
    `"a.session_token=${encodeURIComponent(encodeURIComponent(signed))}",`,
  'as a cookie with attributes': (_, signed) =>
    `__Secure-a.session_token=${encodeURIComponent(signed)}; Path=/; Secure`,
  'in a Cookie header': (_, signed) =>
    `Cookie: a=b; a.session_data=c; a.session_token_multi-x=${encodeURIComponent(signed)}; d=e`,
  'in a Set-Cookie header': (_, signed) => `set-cookie:sid=${encodeURIComponent(signed)}; HttpOnly`,
  'as a bearer': (token) => `Authorization: Bearer ${token}`,
  'as a signed bearer': (_, signed) => `bearer ${encodeURIComponent(signed)}`,
};

describe.each(Object.entries(ways))('a token %s', (_, write) => {
  it('is found, whatever it is made of', () => {
    fc.assert(
      fc.property(printable, signature, (token, sign) => {
        expect(tokensOf(write(token, `${token}.${sign}`))).toContain(token);
      }),
      { numRuns: 300 },
    );
  });

  it('is the likeliest reading where it is of letters and digits, and is recognised where it is signed', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[A-Za-z0-9]{1,64}$/), signature, (token, sign) => {
        const line = write(token, `${token}.${sign}`);
        expect(tokensOf(line)[0]).toBe(token);
        expect(looksLikeCredential(line) || !line.includes(encodeURIComponent(`.${sign}`))).toBe(true);
      }),
    );
  });
});

const hostile = fc
  .array(
    fc.oneof(
      fc.string({ unit: 'binary', maxLength: 9 }),
      fc.constantFrom('%', '%2', '%E0%A4', '%ff', '"', "'", ',', ';', '=', '.', ' ', '\r', '\n', '\0', '\ud800', 'session_token', 'session_data='),
      fc.constantFrom('better-auth.', '_multi-', 'Cookie: ', 'Authorization: ', 'Bearer ', SIGNATURE, ENCODED, TOKEN),
    ),
    { maxLength: 30 },
  )
  .map((parts) => parts.join('')); // prettier-ignore

test('no text makes it throw, and what it gives is fit to be a token', () => {
  fc.assert(
    fc.property(hostile, (text) => {
      looksLikeCredential(text);
      const items = readPaste(text);
      for (const { readings } of items.flatMap(({ credentials }) => credentials)) {
        const tokens = readings.map(({ token }) => token);
        expect(new Set(tokens).size).toBe(tokens.length);
        for (const token of tokens) expect(token).toMatch(/^[^\p{C}\s]{1,512}$/u);
      }
      const numbers = items.map(({ place }) => Number(place.replace('line ', '')));
      expect(numbers).toEqual([...new Set(numbers)].sort((a, b) => a - b));
      expect(numbers.at(-1) ?? 0).toBeLessThanOrEqual(text.split(/\r\n|\r|\n/).length);
    }),
    { numRuns: 2000 },
  );
});
