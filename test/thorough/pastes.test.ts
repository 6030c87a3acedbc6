import { afterAll, beforeAll, expect, it } from 'vitest';
import { fingerprint, signIn, signUp, type Person, type SignIn } from '../support/app.ts';
import { appSecret, cookieValue, signed } from '../support/cookies.ts';
import { operatorOn, secretsOf, type Operator } from '../support/operator.ts';
import { deploySecondary, type SecondaryDeployment } from '../support/secondary.ts';
import { dialects } from '../support/faults.ts';
import { describeOn, describeUnless, missingServer } from '../support/servers.ts';
import { deploy, ownShape, type Deployment } from '../support/shapes.ts';

const NAME = 'better-auth.session_token';
const client = { ip: '192.0.2.1', userAgent: 'Firefox' };
const auth = { secret: appSecret, baseUrl: 'http://localhost:3000' };
const json = (value: unknown, space?: number) => JSON.stringify(value, null, space);

/** How people paste a session. `raw` is the signed value, `value` that of the cookie, `cookie` the header of the browser. */
type Write = (parts: {
  readonly token: string;
  readonly raw: string;
  readonly value: string;
  readonly cookie: string;
}) => string;

const jar = (name: string, value: string) => ({
  domain: 'localhost',
  name,
  value,
  path: '/',
  httpOnly: true,
});
const har = (headers: object[], cookies: object[], body = '') => ({
  log: { version: '1.2', entries: [{ request: { method: 'GET', url: 'http://localhost/', headers, cookies }, response: { content: { text: body } } }] },
}); // prettier-ignore

const forms: Readonly<Record<string, Write>> = {
  'a token': ({ token }) => token,
  'a token in quotes': ({ token }) => `"${token}",`,
  'the signed value': ({ raw }) => raw,
  'the value of the cookie': ({ value }) => value,
  'the value, encoded twice': ({ value }) => encodeURIComponent(value),
  'token=': ({ token }) => `token=${token}`,
  'JSON with a token': ({ token }) => json({ token }),
  'JSON of a session': ({ token }) => json({ session: { id: '1', token, userId: '2' }, user: { id: '2' } }, 2),
  'JSON of tokens': ({ token }) => json([token], 2),
  'JSON of a list of sessions': ({ token }) => json([{ token, expiresAt: 1 }]),
  'JSON with a cookie in it': ({ value }) => json({ level: 30, req: { headers: { cookie: `a=b; ${NAME}=${value}` } } }),
  'JSON in a string of JSON': ({ token }) => json({ message: json({ token }) }),
  'JSON under the name of the cookie': ({ value }) => json({ [NAME]: value }, 2),
  'a line of JSON after one of another kind': ({ value }) => json({ a: 1, cookie: `${NAME}=${value}` }),
  'a log line with a cookie': ({ value }) => `10:00:01 INFO GET / cookie="theme=dark; ${NAME}=${value}" 200 12ms`,
  'a log line with JSON in it': ({ token }) => `10:00:01 [auth] created {"token":"${token}","userId":"1"}`,
  'a log line with escaped JSON in it': ({ token }) => String.raw`msg="{\"token\":\"${token}\",\"id\":\"1\"}"`,
  'a log line with the signed value': ({ raw }) => `leaked: ${raw} (see the log)`,
  'a URL': ({ token }) => `GET https://app.example.com/callback?token=${token}&x=1 200`,
  'an encoded parameter': ({ token }) => `next=%2F%3Ftoken%3D${token}%26x`,
  'a Cookie header': ({ cookie }) => `Cookie: theme=dark; ${cookie}`,
  'the headers of a request': ({ cookie }) => `GET / HTTP/1.1\nHost: localhost:3000\nCookie: ${cookie}\nAccept: */*`,
  'headers, the names on lines of their own': ({ cookie }) => `cookie\n${cookie}`,
  'a Set-Cookie header': ({ value }) => `set-cookie: theme=dark; Path=/, ${NAME}=${value}; Max-Age=604800; Path=/; HttpOnly`,
  'a curl command': ({ cookie }) => `curl 'http://localhost:3000/api' \\\n  -H 'accept: */*' \\\n  -b '${cookie}' \\\n  --compressed`,
  'a call of fetch': ({ value }) => `fetch("http://localhost/", {\n  "headers": {\n    "cookie": "a=b; ${NAME}=${value}"\n  },\n  "method": "GET"\n});`,
  'PowerShell': ({ value }) => `$session.Cookies.Add((New-Object System.Net.Cookie("${NAME}", "${value}", "/", "localhost")))`,
  'a HAR file with headers': ({ cookie }) => json(har([{ name: 'Cookie', value: cookie }], [])),
  'a HAR file with cookies': ({ value }) => json(har([], [jar('theme', 'dark'), jar(NAME, value)]), 2),
  'a HAR file with the answer': ({ token }) => json(har([], [], json({ redirect: false, token, user: { id: '1' } }))),
  'an export of EditThisCookie': ({ value }) => json([jar('theme', 'dark'), jar(NAME, value)], 4),
  'the state of Playwright': ({ value }) => json({ cookies: [jar(NAME, value)], origins: [] }),
  'a cookies.txt': ({ value }) => `# Netscape HTTP Cookie File\n\nlocalhost\tFALSE\t/\tFALSE\t0\ttheme\tdark\n#HttpOnly_localhost\tFALSE\t/\tFALSE\t1893456000\t${NAME}\t${value}\n`,
  'the table of the developer tools': ({ value }) => `theme\tdark\tlocalhost\t/\tSession\t9\n${NAME}\t${value}\tlocalhost\t/\t2026-12-06T10:00:00.000Z\t123\t✓\t\tLax`,
  'the storage of Firefox': ({ value }) => `${NAME}:"${value}"`,
  'a __Secure- cookie': ({ value }) => `__Secure-${NAME}=${value}`,
  'another prefix': ({ value }) => `shop.session_token=${value}; Path=/`,
  'another name': ({ value }) => `sid=${value}; Path=/; HttpOnly`,
  'a cookie that is encoded once more': ({ value }) => `${NAME}=${encodeURIComponent(value)}`,
  'an Authorization header': ({ token }) => `Authorization: Bearer ${token}`,
  'a curl command with a bearer': ({ token }) => `curl -H "Authorization: Bearer ${token}" http://localhost:3000/`,
  'the header of the bearer plugin': ({ raw }) => `set-auth-token: ${raw}`,
  'a whole encoded header': ({ value }) => encodeURIComponent(`${NAME}=${value}`),
  'Windows': ({ token }) => `\ufeff${token}\r\n`,
}; // prettier-ignore

const partsOf = (session: SignIn) => ({
  token: session.token,
  raw: signed(session.token),
  value: cookieValue(session, NAME),
  cookie: session.cookie,
});

interface Verdict {
  readonly place: string;
  readonly valid: boolean;
  readonly reason: string;
  readonly stored: string | null;
  readonly tokenFingerprint: string | null;
}

const read = async (operator: Operator, stdin: string, ...more: string[]) => {
  const ran = await operator.run(['verify', '--json', ...more], { stdin });
  const verdicts = ran.stdout === '' ? [] : (JSON.parse(ran.stdout) as Verdict | readonly Verdict[]);
  return {
    ...ran,
    verdicts: Array.isArray(verdicts) ? (verdicts as readonly Verdict[]) : [verdicts as Verdict],
  };
};

describeOn('sqlite', 'verify and revoke --token-stdin read the same', () => {
  let deployment: Deployment;
  let operator: Operator;
  let ada: Person;
  let session: SignIn;
  beforeAll(async () => {
    deployment = await deploy(ownShape('sqlite', 'own adapter'));
    operator = operatorOn(deployment.database.url, { auth });
    ada = await signUp(deployment.app, 'Ada', 'ada@example.com');
    session = await signIn(deployment.app, ada, client);
  });
  afterAll(() => deployment.database.drop());

  it.each(Object.entries(forms))('%s', async (_name, write) => {
    const stdin = write(partsOf(session));
    const { verdicts, stderr } = await read(operator, stdin, '--each');
    expect(verdicts, stderr).toMatchObject([
      { stored: 'live', tokenFingerprint: fingerprint(session.token) },
    ]);
    const revoked = await operator.run(['revoke', '--token-stdin', '--dry-run', '--json'], { stdin });
    expect(revoked.code, revoked.stderr).toBe(0);
    expect(JSON.parse(revoked.stdout)).toMatchObject({ matched: 1, notFound: [] });
    const ended = write(partsOf({ ...session, ...goneOf(session) }));
    expect((await operator.run(['verify', '--ended'], { stdin: ended })).code, ended).toBe(0);
    expect((await operator.run(['verify', '--ended'], { stdin })).code).toBe(1);
    expect(operator.sawAny(secretsOf(session))).toEqual([]);
  });

  /** The same cookies with a token of no session, well signed. */
  const goneOf = ({ token, cookie }: SignIn): SignIn => {
    const gone = 'Zz'.repeat(16);
    const value = encodeURIComponent(signed(gone));
    return {
      token: gone,
      cookie: cookie.replace(cookieValue({ cookie }, NAME), value).replaceAll(token, gone),
    };
  };

  it.each([
    'hello',
    'two words of nothing',
    'Cookie: theme=dark',
    json({ token: 'abc' }),
    json({ access_token: 'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln' }),
    'Authorization: Bearer eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln',
    '{"token":"',
    'Zz'.repeat(15),
    `${NAME}=`,
    `${'x'.repeat(1024 * 1024)} ${NAME}=${'Zz'.repeat(16)}`,
  ])('what is not understood is malformed, and no proof: %#', async (stdin) => {
    for (const more of [[], ['--each'], ['--ended']]) {
      const { code, stdout, stderr } = await operator.run(['verify', ...more], { stdin });
      expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
      expect(stderr).toContain('malformed: stdin holds no token and no cookie');
    }
    // Beside a session that has ended, it is reported by its place.
    const { code, verdicts } = await read(operator, `${'Zz'.repeat(16)}\n${stdin}\n`, '--ended');
    const isUsual = stdin.startsWith('Cookie: ');
    expect({ code, reasons: verdicts.map(({ reason }) => reason) }).toEqual(
      isUsual ? { code: 0, reasons: ['unsigned'] } : { code: 1, reasons: ['unsigned', 'malformed'] },
    );
    const revoked = await operator.run(['revoke', '--token-stdin', '--dry-run', '--json'], { stdin });
    expect(revoked.code).toBe(1);
  });

  it('one odd line among a hundred leaked tokens leaves the others to be ended', async () => {
    const sessions = await Promise.all(Array.from({ length: 20 }, () => signIn(deployment.app, ada, client)));
    const names = Object.values(forms);
    const lines = sessions.map((one, at) => {
      const [line = ''] = [names[at]?.(partsOf(one))].filter((text) => text?.includes('\n') === false);
      return line === '' ? one.token : line;
    });
    const odd = ['\u0000\ufffd', 'x'.repeat(2_000_000)];
    const stdin = [...lines.slice(0, 10), ...odd, ...lines.slice(10)].join('\n');
    const { code, verdicts } = await read(operator, stdin);
    expect(code).toBe(1);
    expect(verdicts.map(({ stored }) => stored)).toEqual(
      [...lines.slice(0, 10), null, null, ...lines.slice(10)].map((line) => (line === null ? null : 'live')),
    );
    expect(
      verdicts.flatMap(({ place, reason }) => (reason === 'malformed' && place !== '' ? [place] : [])),
    ).toEqual(expect.arrayContaining(['line 11', 'line 12']) as unknown);
    const revoked = await operator.run(['revoke', '--token-stdin', '--yes', '--json'], { stdin });
    expect(revoked.code).toBe(1);
    expect(JSON.parse(revoked.stdout)).toMatchObject({
      matched: 20,
      remaining: 0,
      notFound: ['line 11 (not a token)', 'line 12 (not a token)'],
    });
    expect(operator.sawAny(sessions.flatMap(secretsOf))).toEqual([]);
  });

  it('counts each token once, and the other sessions of a browser only where they are asked for', async () => {
    const other = await signIn(deployment.app, ada, client);
    const beside = `Cookie: ${NAME}=${cookieValue(session, NAME)}; ${NAME}_multi-x=${cookieValue(other, NAME)}`;
    const alone = await read(operator, beside);
    expect({ code: alone.code, verdicts: alone.verdicts.length }).toEqual({ code: 0, verdicts: 1 });
    expect(alone.stderr).toContain(
      '1 other token in the same header is not judged here; --each judges every token',
    );
    expect((await read(operator, beside, '--each')).verdicts).toHaveLength(2);
    const gone = ['A', 'B', 'C'].map((letter) => letter.repeat(32));
    const many = [beside, session.token, ...gone, gone[0]].join('\n');
    expect((await read(operator, many, '--each')).verdicts.map(({ stored }) => stored)).toEqual([
      'live', 'live', 'unknown', 'unknown', 'unknown',
    ]); // prettier-ignore
    const { stdout } = await operator.run(['verify', '--each'], { stdin: many });
    expect(stdout).toMatch(/^line 1 +valid Better Auth answers .*\(token [0-9a-f]{12}, session /m);
    expect(stdout).toMatch(/\n2 valid, 3 not valid, 0 malformed\n$/);
  });

  it('takes 16 MB and no more', async () => {
    const filler = `${'x'.repeat(999)}\n`.repeat(16_000);
    const fits = await operator.run(['verify', '--ended'], { stdin: JSON.stringify({ filler }) });
    expect(fits).toMatchObject({ code: 2, stderr: expect.stringContaining('malformed') as unknown });
    const large = await operator.run(['verify'], { stdin: filler + filler });
    expect(large).toMatchObject({ code: 2, stderr: expect.stringContaining('more than 16 MB') as unknown });
  });
});

const places = [
  ...dialects.map((dialect) => [dialect, 'database only'] as const),
  ['sqlite', 'secondary only'],
  ['postgresql', 'both'],
  ['mysql', 'preserved'],
] as const;

for (const [dialect, mode] of places) {
  const missing = missingServer(dialect) ?? (mode === 'database only' ? undefined : missingServer('redis'));
  describeUnless(missing, `pastes of every form are proved to have ended, ${dialect}, ${mode}`, () => {
    let redis: SecondaryDeployment | null = null;
    let deployment: Deployment;
    beforeAll(async () => {
      redis = mode === 'database only' ? null : await deploySecondary({ dialect, mode, storage: 'official' });
      deployment = redis ?? (await deploy(ownShape(dialect, 'own adapter')));
    });
    afterAll(() => redis?.drop() ?? deployment.database.drop());

    it('by verify --ended', async () => {
      const { app, database } = deployment;
      const operator = operatorOn(database.url, { timeZone: 'UTC', ...redis?.profile, auth });
      const ada = await signUp(app, 'Ada', 'ada@example.com');
      // A Redis without any session may be another one, which proves nothing.
      await signIn(app, ada, client);
      const writes = Object.values(forms);
      const sessions = await Promise.all(writes.map(() => signIn(app, ada, client)));
      // A document is one paste by itself.
      const isLine = (text: string) => !text.includes('\n');
      const pasted = sessions.flatMap((one, at) => writes[at]?.(partsOf(one)) ?? []);
      const stdin = pasted.map((text, at) => (isLine(text) ? text : (sessions[at]?.token ?? ''))).join('\n');
      const answers = () =>
        Promise.all(
          sessions.map(async ({ cookie }) => (await app.api.getSession({ headers: { cookie } })) !== null),
        );
      expect(new Set(await answers())).toEqual(new Set([true]));
      const before = await read(operator, stdin, '--ended');
      expect(before.code).toBe(1);
      expect(before.verdicts.map(({ stored }) => stored)).toEqual(sessions.map(() => 'live'));
      const revoked = await operator.run(['revoke', '--token-stdin', '--yes', '--json'], { stdin });
      expect(revoked.code, revoked.stderr).toBe(0);
      expect(JSON.parse(revoked.stdout)).toMatchObject({
        matched: sessions.length,
        remaining: 0,
        notFound: [],
      });
      expect(new Set(await answers())).toEqual(new Set([false]));
      const after = await read(operator, stdin, '--ended');
      expect(after.code, after.stderr).toBe(0);
      expect(after.verdicts).toHaveLength(sessions.length);
      expect(operator.sawAny(sessions.flatMap(secretsOf))).toEqual([]);
    });
  });
}
