import { admin } from 'better-auth/plugins';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createApp, everySession, signIn, signUp, type App, type Person } from '../support/app.ts';
import { makeAccount } from '../support/account.ts';
import { appSecret } from '../support/cookies.ts';
import { dumpTables } from '../support/dump.ts';
import { operatorOn } from '../support/operator.ts';
import type { TestProfile } from '../support/run-sessionctl.ts';
import { deploySecondary, modes, readIndex, storages } from '../support/secondary.ts';
import { describeOn, describeUnless, missingServer, type Dialect } from '../support/servers.ts';
import { deploy, named, ownShape, shapes, type Deployment, type Shape } from '../support/shapes.ts';

const secret = appSecret;
const client = { ip: '192.0.2.1', userAgent: 'Firefox' };
const http: TestProfile = { timeZone: 'UTC', auth: { secret, baseUrl: 'http://localhost:3000' } };
const words = ['create', '--user', 'ada@example.com', '--reason', 'TICKET-7'];

interface Created {
  readonly session: { readonly id: string; readonly userId: string; readonly expiresAt: string };
  readonly setCookie: readonly string[];
  readonly cookie: string;
}

async function judged(app: App, cookie: string) {
  return app.api.getSession({ headers: { cookie } });
}

/** The token of the first cookie. */
const tokenIn = ({ cookie }: Pick<Created, 'cookie'>) => /session_token=([^.;]+)\./.exec(cookie)?.[1] ?? '';

/** Those that need a value for a session that only the application has, and those that have no users. */
const refused = (shape: Shape) => /plugins and additional fields|without a user table/.test(shape.name);

for (const dialect of ['postgresql', 'mysql', 'sqlite'] as const) {
  describeOn(dialect, `create, ${dialect}`, () => {
    it.each(
      shapes
        .filter((shape) => shape.dialect === dialect && !refused(shape))
        .map((shape) => [shape.name, shape] as const),
    )('Better Auth takes the cookie: %s', async (_name, shape) => {
      await onDeployment(shape, async ({ app, database }) => {
        const ada = await signUp(app, 'Ada', 'ada@example.com');
        const own = await signIn(app, ada, client);
        const operator = operatorOn(database.url, { ...shape.profile, ...http });
        const { code, stdout, stderr } = await operator.run([...words, '--yes', '--json', '-q']);
        expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
        const created = JSON.parse(stdout) as Created;
        // As an application that has only just started would read it: nothing is cached.
        const answer = await judged(app, created.cookie);
        expect(answer?.session).toMatchObject({
          id: created.session.id,
          userId: ada.id,
          token: tokenIn(created),
        });
        // Not refreshed: it lasts for the hour that it was given.
        expect(answer?.session.expiresAt.toISOString()).toBe(created.session.expiresAt);
        const [before, after] = (await everySession(app, [ada.id])).toSorted((one) =>
          one.token === own.token ? -1 : 1,
        );
        expect(Math.abs((after?.createdAt.getTime() ?? 0) - Date.now())).toBeLessThan(60_000);
        expect(after?.updatedAt.getTime()).toBe(after?.createdAt.getTime());
        // Of the form that the application gives its own.
        const form = (id = '') =>
          id
            .replace(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/, 'uuid')
            .replace(/^\d+$/, 'number')
            .replace(/^[A-Za-z0-9]{32}$/, 'text');
        expect(form(after?.id)).toBe(form(before?.id));
        expect(tokenIn(created)).toMatch(/^[A-Za-z0-9]{32}$/);
        expect((await operator.run(['verify'], { stdin: created.cookie })).code).toBe(0);
        expect((await operator.run(['revoke', created.session.id, '--yes', '-q'])).code).toBe(0);
        expect(await judged(app, created.cookie)).toBeNull();
      });
    });

    it('names the columns that need a value that only the application knows, and writes nothing', async () => {
      const shape = named(`${dialect}: own adapter, plugins and additional fields`);
      await onDeployment(shape, async ({ app, database }) => {
        await signUp(app, 'Ada', 'ada@example.com');
        const before = await dumpTables(database);
        const operator = operatorOn(database.url, http);
        for (const more of [['--yes'], ['--dry-run']]) {
          const { code, stdout, stderr } = await operator.run([...words, ...more]);
          expect({ code, stdout }).toEqual({ code: 5, stdout: '' });
          expect(stderr).toMatch(/columns that need a value that only the application knows: channel\n/);
        }
        expect(await dumpTables(database)).toEqual(before);
      });
    });
  });
}

for (const [mode, dialect, storage] of modes.flatMap((each, at) => {
  const dialects: readonly Dialect[] = ['postgresql', 'mysql', 'sqlite'];
  return dialects.map((name, place) => [each, name, storages[(at + place) % 3 === 0 ? 1 : 0]] as const);
})) {
  describeUnless(
    missingServer(dialect) ?? missingServer('redis'),
    `create with Redis, ${dialect}, ${mode}, ${storage}`,
    () => {
      it('writes what Better Auth writes, and Better Auth takes the cookie', async () => {
        const deployment = await deploySecondary({ dialect, mode, storage, options: { plugins: [admin()] } });
        const { app, space, database, profile } = deployment;
        try {
          const ada = await signUp(app, 'Ada', 'ada@example.com');
          const own = await signIn(app, ada, client);
          const operator = operatorOn(database.url, { ...profile, ...http });
          const { code, stdout, stderr } = await operator.run([
            ...words,
            '--yes',
            '--json',
            '-q',
            '--expires-in',
            '20m',
          ]);
          expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
          const created = JSON.parse(stdout) as Created;
          const token = tokenIn(created);
          expect((await judged(app, created.cookie))?.session.id).toBe(created.session.id);
          const listed = await app.api.listSessions({ headers: { cookie: own.cookie } });
          expect(listed.map((session) => session.token).toSorted()).toEqual([own.token, token].toSorted());

          const read = async (of: string) =>
            JSON.parse((await space.get(of)) ?? '{}') as Record<'session' | 'user', Record<string, unknown>>;
          const [ours, theirs] = [await read(token), await read(own.token)];
          expect(ours.user).toEqual(theirs.user);
          const types = (fields: Record<string, unknown>): Readonly<Record<string, string>> =>
            Object.fromEntries(
              Object.entries(fields)
                .map(([key, value]): readonly [string, string] => [
                  key,
                  value === null ? 'null' : typeof value,
                ])
                .toSorted(),
            );
          expect(types(ours.session)).toEqual(types(theirs.session));
          expect(await space.ttl(token)).toBeGreaterThan(1190);
          expect(await space.ttl(token)).toBeLessThanOrEqual(1200);
          // Sorted by expiry, and living as long as the longest-lived one.
          expect((await readIndex(space, ada.id)).map((entry) => entry.token)).toEqual([token, own.token]);
          expect(await space.ttl(`active-sessions-${ada.id}`)).toBeGreaterThan(604_000);

          // A refresh by Better Auth finds all that it needs.
          const alone = created.cookie.split('; ')[0] ?? '';
          const refreshed = await judged(app, alone);
          expect(refreshed?.session.expiresAt.getTime()).toBeGreaterThan(Date.now() + 600_000_000);
          expect((await operator.run(['revoke', created.session.id, '--yes', '-q'])).code).toBe(0);
          expect(await judged(app, alone)).toBeNull();
        } finally {
          await deployment.drop();
        }
      });
    },
  );
}

async function onDeployment(shape: Shape, work: (deployment: Deployment) => Promise<void>): Promise<void> {
  const deployment = await deploy(shape);
  try {
    await work(deployment);
  } finally {
    await deployment.database.drop();
  }
}

describeUnless(
  missingServer('mysql') ?? missingServer('redis'),
  'create, where something fails on the way',
  () => {
    it.each([
      ['the list of the user', 'active-sessions-'],
      ['the session itself', ''],
    ])('Redis refuses %s: nothing is made', async (_name, beginning) => {
      const deployment = await deploySecondary({ dialect: 'mysql', mode: 'both', storage: 'official' });
      const { app, space, database, profile } = deployment;
      const user = `helper-${space.prefix.replace(/\W/g, '')}`;
      try {
        const ada = await signUp(app, 'Ada', 'ada@example.com');
        // It may rehearse, and not write what counts.
        const keys =
          beginning === ''
            ? [`~${space.prefix}active-sessions-*`, `~${space.prefix}sessionctl*`, `%R~${space.prefix}*`]
            : [
                `~${space.prefix}active-sessions-sessionctl*`,
                `~${space.prefix}sessionctl*`,
                `%R~${space.prefix}*`,
              ];
        await space.client.call('ACL', 'SETUSER', user, 'on', '>secret-of-redis', '+@all', ...keys);
        const url = new URL(profile.redis?.url ?? '');
        url.username = user;
        url.password = 'secret-of-redis';
        const redis = { ...profile.redis, url: url.href };
        const operator = operatorOn(database.url, { ...profile, redis, ...http });
        const { code, stdout, stderr } = await operator.run([...words, '--yes']);
        expect({ code, stdout }).toEqual({ code: 4, stdout: '' });
        expect(stderr).toContain('no session was made');
        expect(await everySession(app, [ada.id])).toEqual([]);
        expect((await space.keys()).filter((key) => !key.startsWith('active-sessions-'))).toEqual([]);
        expect(operator.history().map(({ event, outcome }) => [event, outcome])).toEqual([
          ['started', null],
          ['finished', 'failed'],
        ]);
      } finally {
        await space.client.call('ACL', 'DELUSER', user);
        await deployment.drop();
      }
    });
  },
);

for (const dialect of ['postgresql', 'mysql'] as const) {
  describeOn(dialect, `create by an account that may only read, ${dialect}`, () => {
    it('names the right, before anybody is asked, and writes nothing', async () => {
      await onDeployment(ownShape(dialect, 'own adapter'), async ({ app, database }) => {
        await signUp(app, 'Ada', 'ada@example.com');
        await using account = await makeAccount(database);
        const before = await dumpTables(database);
        const operator = operatorOn(account.url, http);
        const { code, stdout, stderr } = await operator.run([...words, '--yes']);
        expect({ code, stdout }).toEqual({ code: 4, stdout: '' });
        expect(stderr).toMatch(
          /the account lacks the right to INSERT on (public\.)?session\n.*Nothing was changed/,
        );
        expect(await dumpTables(database)).toEqual(before);
        expect(operator.history()).toMatchObject([{ event: 'refused', command: 'create' }]);
      });
    });
  });
}

describeOn('sqlite', 'create', () => {
  let deployment: Deployment;
  let ada: Person;
  beforeAll(async () => {
    deployment = await deploy(ownShape('sqlite', 'own adapter, admin', { options: { plugins: [admin()] } }));
    ada = await signUp(deployment.app, 'Ada', 'ada@example.com');
  });
  afterAll(() => deployment.database.drop());
  const operator = (profile: TestProfile = http) => operatorOn(deployment.database.url, profile);
  const sessions = () => everySession(deployment.app, [ada.id]);

  it('prints the cookies once, as the lines of a sign-in, and keeps no token', async () => {
    const someone = operator();
    const { code, stdout, stderr } = await someone.run([...words, '--yes']);
    expect(code).toBe(0);
    const rest = 'Max-Age=3600; Path=/; HttpOnly; SameSite=Lax\n';
    expect(stdout).toMatch(
      new RegExp(
        `^Set-Cookie: better-auth\\.session_token=\\w{32}\\.[\\w%]+; ${rest}Set-Cookie: better-auth\\.dont_remember=true\\.[\\w%]+; ${rest}$`,
      ),
    );
    expect(stderr).toContain('of Ada <ada@example.com>');
    expect(stderr).toMatch(/without better-auth\.dont_remember\s+Better Auth extends/);
    const token = /session_token=(\w{32})/.exec(stdout)?.[1] ?? '';
    expect(stderr).not.toContain(token);
    const history = JSON.stringify(someone.history());
    expect(history).not.toContain(token);
    expect(someone.history()).toMatchObject([
      {
        event: 'started',
        command: 'create',
        reason: 'TICKET-7',
        selection: `--user ${ada.id} --expires-in 1h`,
      },
      { event: 'finished', outcome: 'complete', detail: expect.stringMatching(/^session \w+$/) as string },
    ]);
    expect((await someone.run(['history'])).stdout).toContain('TICKET-7');
  });

  it('under https the names have their prefix and the cookies are Secure', async () => {
    const profile = { auth: { secret, baseUrl: 'https://app.example.com', cookiePrefix: 'shop' } };
    const { stdout } = await operator(profile).run([...words, '--yes', '-q']);
    expect(stdout).toMatch(
      /^Set-Cookie: __Secure-shop\.session_token=\S+; Max-Age=3600; Path=\/; HttpOnly; Secure; SameSite=Lax\n/,
    );
    const app = createApp({ ...(await appOn()), advanced: { cookiePrefix: 'shop', useSecureCookies: true } });
    const cookie = stdout
      .split('\n')
      .map((line) => line.replace('Set-Cookie: ', '').split(';')[0])
      .join('; ');
    expect((await judged(app, cookie))?.user.id).toBe(ada.id);
  });

  const appOn = () => {
    const { database } = deployment;
    if (database.dialect !== 'sqlite') throw new Error('this is about SQLite');
    return Promise.resolve({ database: database.connection, plugins: [admin()] });
  };

  it('for as long as a sign-in lasts there is one cookie, and requests refresh it', async () => {
    const { stdout } = await operator().run([...words, '--yes', '--json', '-q', '--expires-in', '7d']);
    const { cookie, setCookie } = JSON.parse(stdout) as Created;
    expect(setCookie).toHaveLength(1);
    expect((await judged(deployment.app, cookie))?.user.id).toBe(ada.id);
  });

  it.each([
    ['--dry-run', [...words, '--dry-run'], 0, 'Dry run: nothing was changed.'],
    ['no --yes and nobody to ask', words, 2, 'needs --yes when it cannot ask'],
    ['no reason', ['create', '--user', 'ada@example.com', '--yes'], 2, 'Give --reason'],
    ['no user', ['create', '--reason', 'x', '--yes'], 2, 'Give --user'],
    [
      'nobody of that name',
      ['create', '--user', 'eve@example.com', '--reason', 'x', '--yes'],
      1,
      'no user has the id or e-mail address',
    ],
    ['no time at all', [...words, '--yes', '--expires-in', '0s'], 2, '--expires-in must be more than 0'],
    ['no length', [...words, '--yes', '--expires-in', 'soon'], 2, '--expires-in: "soon" is not a duration'],
    [
      'longer than a sign-in lasts',
      [...words, '--yes', '--expires-in', '8d'],
      2,
      'error: --expires-in 8d is longer than a sign-in lasts: expires_in is 7d\nhint: Give 7d at most.',
    ],
    ['longer than any cookie', [...words, '--yes', '--expires-in', '401d'], 2, 'longer than 400d'],
  ])('%s: nothing is made', async (_name, typed, code, message) => {
    const before = await sessions();
    const outcome = await operator().run(typed);
    expect({ code: outcome.code, stderr: outcome.stderr }).toEqual({
      code,
      stderr: expect.stringContaining(message) as string,
    });
    expect(outcome.stdout).not.toContain('session_token=');
    expect(await sessions()).toEqual(before);
  });

  it.each([
    ['the secret', { baseUrl: 'http://localhost:3000' }, 'without secret of the application'],
    ['the base URL', { secret }, 'without base_url of the application'],
  ])('without %s it is exit 3', async (_name, auth, message) => {
    const { code, stdout, stderr } = await operator({ auth }).run([...words, '--yes']);
    expect({ code, stdout }).toEqual({ code: 3, stdout: '' });
    expect(stderr).toContain(message);
  });

  it('asks, and no is no', async () => {
    const before = await sessions();
    const someone = operator();
    const sitting = someone.sitDown(words);
    await sitting.shows(/Create this session\?/);
    sitting.type('n\r');
    expect(await sitting.ended).toMatchObject({ code: 130, stdout: '' });
    expect(await sessions()).toEqual(before);
    expect(someone.history()).toMatchObject([{ event: 'cancelled' }]);
    // The stream that stands for stderr here ends with a question; a process's own does not.
    const again = someone.sitDown([...words, '-q']);
    await again.shows(/Create this session\?/);
    again.type('y\r');
    expect(await again.ended).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('session_token=') as string,
    });
    expect(await sessions()).toHaveLength(before.length + 1);
  });

  it('nobody who is banned gets one, until the ban is over', async () => {
    const { app, shape, database } = deployment;
    const eve = await signUp(app, 'Eve', 'eve@example.org');
    const ban = (until: string) =>
      database.query(
        `UPDATE ${shape.table('user')} SET banned = 1, "banExpires" = ${until} WHERE id = '${eve.id}'`,
      );
    const asked = () => operator().run(['create', '--user', eve.id, '--reason', 'x', '--yes', '-q']);
    await ban('NULL');
    expect(await asked()).toMatchObject({
      code: 1,
      stdout: '',
      stderr: expect.stringContaining('is banned, and') as string,
    });
    await ban(shape.encode(new Date(Date.now() - 1000)));
    expect((await asked()).code).toBe(0);
  });

  it('takes the session back where its cookie cannot be printed', async () => {
    const before = await sessions();
    const someone = operator();
    await someone.run([...words, '--yes', '-q'], { stdoutClosesAfter: 0 });
    expect(await sessions()).toEqual(before);
    expect(someone.history().at(-1)).toMatchObject({ outcome: 'failed' });
  });

  it('a token is no reason', async () => {
    const { token } = await signIn(deployment.app, ada, client);
    const { code, stderr } = await operator().run([
      'create',
      '--user',
      'ada@example.com',
      '--reason',
      `like ${token}`,
      '--yes',
    ]);
    expect(code).toBe(2);
    expect(stderr).not.toContain(token);
  });
});
