import { betterAuth } from 'better-auth';
import { admin } from 'better-auth/plugins';
import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  appOptions,
  baseUrl,
  fingerprint,
  post,
  signIn,
  signUp,
  type Person,
  type SignIn,
} from '../support/app.ts';
import {
  appSecret,
  cookieValue,
  readCopy,
  sessionCookie,
  signed,
  writeCopy,
  type CachedCopy,
} from '../support/cookies.ts';
import { literal } from '../support/databases.ts';
import { dumpTables } from '../support/dump.ts';
import { operatorOn, secretsOf, type Operator } from '../support/operator.ts';
import type { AuthProfile } from '../support/run-sessionctl.ts';
import { deploySecondary, type Mode, type SecondaryDeployment } from '../support/secondary.ts';
import { describeOn, describeUnless, missingServer, type Dialect } from '../support/servers.ts';
import { deploy, ownShape, type Deployment } from '../support/shapes.ts';

const TOKEN = 'better-auth.session_token';
const DATA = 'better-auth.session_data';
const formerSecret = 'another secret of forty characters, retired';
const client = { ip: '192.0.2.1', userAgent: 'Firefox' };
const auth: AuthProfile = { secret: appSecret, formerSecrets: [formerSecret], baseUrl };
const options = { plugins: [admin({ adminRoles: ['admin'] })], session: { cookieCache: { enabled: true } } };

interface Place {
  readonly deployment: Deployment;
  readonly redis: SecondaryDeployment | null;
  readonly mode: Mode | 'database only';
  readonly operator: Operator;
  readonly ada: Person;
  readonly root: SignIn;
  readonly drop: () => Promise<void>;
}

/** A session of its own for each case. */
interface Scene extends Place {
  readonly signIn: SignIn;
  /** Of another user, with a session in it. */
  readonly somebody: () => Promise<{ readonly person: Person; readonly signIn: SignIn }>;
}

/** What is shown to both, and what the reason is; a function of the mode where it differs. */
interface Shown {
  readonly cookie: string;
  /** What sessionctl reads, where that is not the header itself. */
  readonly stdin?: string;
  readonly reason: string;
  readonly more?: Readonly<Record<string, unknown>>;
}

type Case = readonly [
  name: string,
  arrange: (scene: Scene) => Promise<Shown> | Shown,
  modes?: readonly Place['mode'][],
];

const raw = ({ signIn: { cookie } }: Scene) => decodeURIComponent(cookieValue({ cookie }, TOKEN));
const alone = (scene: Scene) => sessionCookie(raw(scene));
/** The copy that the sign-in left, changed and signed anew. */
const withCopy = (scene: Scene, change: (copy: CachedCopy) => CachedCopy, secret?: string) =>
  `${alone(scene)}; ${DATA}=${writeCopy(change(readCopy(cookieValue(scene.signIn, DATA))), secret)}`;
const asItWas = (copy: CachedCopy) => copy;
/** What is said of a session that was ended by all the rules. */
const gone = ({ mode }: Place) => (mode === 'preserved' ? 'ended' : 'unknown');
const ended = (scene: Scene) => ({ cookie: alone(scene), reason: gone(scene) });
const flipped = (text: string, at: number) =>
  `${text.slice(0, at)}${text[at] === 'A' ? 'B' : 'A'}${text.slice(at + 1)}`;

const cases: readonly Case[] = [
  ['the cookie by itself', (scene) => ({ cookie: alone(scene), reason: 'live' })],
  ['with Cookie: in front', (scene) => ({ cookie: alone(scene), stdin: `Cookie: ${alone(scene)}\n`, reason: 'live' })],
  ['the value alone, as it is encoded', (scene) => ({ cookie: alone(scene), stdin: cookieValue(scene.signIn, TOKEN), reason: 'live' })],
  ['the value alone, decoded', (scene) => ({ cookie: alone(scene), stdin: `${raw(scene)}\r\n`, reason: 'live' })],
  ['a value that is not encoded', (scene) => ({ cookie: `${TOKEN}=${raw(scene)}`, reason: 'live' })],
  ['a value in quotes', (scene) => ({ cookie: `${TOKEN}="${cookieValue(scene.signIn, TOKEN)}"`, reason: 'live' })],
  ['a Set-Cookie line', (scene) => ({ cookie: alone(scene), stdin: `set-cookie: ${alone(scene)}; Max-Age=604800; Path=/; HttpOnly; SameSite=Lax`, reason: 'live' })],
  ['other cookies beside it', (scene) => ({ cookie: `theme=dark; ${alone(scene)}; better-auth.session_token_multi-x=${signed('x')}`, reason: 'live' })],
  ['two of one name: the first counts, here the right one', (scene) => ({ cookie: `${alone(scene)}; ${sessionCookie(signed('A'.repeat(32)))}`, reason: 'live' })],
  ['two of one name: the first counts, here the wrong one', (scene) => ({ cookie: `${sessionCookie(signed('A'.repeat(32)))}; ${alone(scene)}`, reason: 'unknown' })],
  ['another token under the signature', (scene) => ({ cookie: sessionCookie(flipped(raw(scene), 3)), reason: 'bad-signature', more: { stored: 'unknown' } })],
  ['another signature under the token', (scene) => ({ cookie: sessionCookie(flipped(raw(scene), 34)), reason: 'bad-signature', more: { stored: 'live' } })],
  ['a signature by another secret', (scene) => ({ cookie: sessionCookie(signed(scene.signIn.token, 'x'.repeat(40))), reason: 'bad-signature' })],
  ['a signature by a former secret', (scene) => ({ cookie: sessionCookie(signed(scene.signIn.token, formerSecret)), reason: 'former-secret' })],
  ['a signature in base64url', (scene) => ({ cookie: sessionCookie(`${scene.signIn.token}.${raw(scene).slice(33, -1).replaceAll('+', '-').replaceAll('/', '_')}`), reason: 'malformed' })],
  ['a signature without its end', (scene) => ({ cookie: sessionCookie(raw(scene).slice(0, -1)), reason: 'malformed', more: { stored: 'live' } })],
  ['half a signature', (scene) => ({ cookie: sessionCookie(raw(scene).slice(0, 50)), reason: 'bad-signature' })],
  ['encoded twice', (scene) => ({ cookie: `${TOKEN}=${encodeURIComponent(encodeURIComponent(raw(scene)))}`, reason: 'malformed' })],
  ['the token without a signature', (scene) => ({ cookie: `${TOKEN}=${scene.signIn.token}`, reason: 'unsigned', more: { stored: 'live' } })],
  ['the token alone', (scene) => ({ cookie: `${TOKEN}=${scene.signIn.token}`, stdin: scene.signIn.token, reason: 'unsigned', more: { stored: 'live' } })],
  ['a token of nobody, well signed', () => ({ cookie: sessionCookie(signed('N'.repeat(32))), reason: 'unknown', more: { sessionId: null } })],
  ['the name of an application under https', (scene) => ({ cookie: sessionCookie(raw(scene), `__Secure-${TOKEN}`), reason: 'other-cookie', more: { stored: 'live' } })],
  ['the name of another application', (scene) => ({ cookie: sessionCookie(raw(scene), 'shop.session_token'), reason: 'other-cookie' })],
  ['expired by a millisecond', async (scene) => {
    await expireAt(scene, new Date(Date.now() - 1));
    return { cookie: alone(scene), reason: 'expired' };
  }],
  ['a few seconds before its expiry', async (scene) => {
    await expireAt(scene, new Date(Date.now() + 5000));
    return { cookie: alone(scene), reason: 'live' };
  }],
  ['expired long ago', async (scene) => {
    await expireAt(scene, new Date(Date.now() - 30 * 86_400_000));
    return { cookie: alone(scene), reason: 'expired' };
  }],
  ['revoked through Better Auth', async (scene) => {
    const { app } = scene.deployment;
    await app.api.revokeSession({ headers: { cookie: alone(scene) }, body: { token: scene.signIn.token } });
    return ended(scene);
  }],
  ['signed out', async (scene) => {
    await scene.deployment.app.api.signOut({ headers: { cookie: alone(scene) } });
    return ended(scene);
  }],
  ['revoked by sessionctl', async (scene) => {
    const words = ['revoke', '--token-stdin', '--yes', '--quiet'];
    expect((await scene.operator.run(words, { stdin: scene.signIn.token })).code).toBe(0);
    return ended(scene);
  }],
  ['all of its user revoked', async (scene) => {
    const { person, signIn: own } = await scene.somebody();
    const { internalAdapter } = await scene.deployment.app.$context;
    await internalAdapter.deleteUserSessions(person.id);
    return { cookie: sessionCookie(signed(own.token)), reason: gone(scene) };
  }],
  ['all of its user revoked, and a request under way wrote it back', async (scene) => {
    const { person, signIn: own } = await scene.somebody();
    const value = (await scene.redis?.space.get(own.token)) ?? '';
    const { internalAdapter } = await scene.deployment.app.$context;
    await internalAdapter.deleteUserSessions(person.id);
    await scene.redis?.space.set(own.token, value, 600);
    return { cookie: sessionCookie(signed(own.token)), reason: 'revoked' };
  }, ['secondary only', 'both', 'preserved']],
  ['the key in Redis gone', async (scene) => {
    await scene.redis?.space.unlink(scene.signIn.token);
    return { cookie: alone(scene), reason: { both: 'live', preserved: 'ended' }[scene.mode as string] ?? 'unknown' };
  }, ['secondary only', 'both', 'preserved']],
  ['rubbish under the token in Redis', async (scene) => {
    await scene.redis?.space.set(scene.signIn.token, '{"session":', 600);
    return { cookie: alone(scene), reason: 'unreadable' };
  }, ['secondary only', 'both', 'preserved']],
  ['Redis and the row of two minds about the expiry', async (scene) => {
    await setRow(scene, scene.signIn.token, 'expiresAt', new Date(Date.now() - 60_000));
    return { cookie: alone(scene), reason: 'live' };
  }, ['both', 'preserved']],
  ['a user who is banned, by the database', async (scene) => {
    const { person, signIn: own } = await scene.somebody();
    await setUser(scene, person, 'banned', scene.deployment.database.dialect === 'postgresql' ? 'true' : '1');
    return { cookie: sessionCookie(signed(own.token)), reason: 'live', more: { userBanned: true } };
  }],
  ['a user whose ban is over', async (scene) => {
    const { person, signIn: own } = await scene.somebody();
    const { shape, database } = scene.deployment;
    await setUser(scene, person, 'banned', database.dialect === 'postgresql' ? 'true' : '1');
    await setUser(scene, person, 'banExpires', shape.encode(new Date(Date.now() - 60_000)));
    return { cookie: sessionCookie(signed(own.token)), reason: 'live', more: { userBanned: false } };
  }],
  ['a user whom an administrator banned', async (scene) => {
    const { person, signIn: own } = await scene.somebody();
    await post(scene.deployment.app, '/admin/ban-user', scene.root.cookie, { userId: person.id });
    return { cookie: sessionCookie(signed(own.token)), reason: gone(scene) };
  }],
  ['a user whom Better Auth removed', async (scene) => {
    const { person, signIn: own } = await scene.somebody();
    await post(scene.deployment.app, '/admin/remove-user', scene.root.cookie, { userId: person.id });
    // A foreign key takes the record along.
    return { cookie: sessionCookie(signed(own.token)), reason: 'unknown' };
  }],
  ['a user whose row is gone', async (scene) => {
    const { person, signIn: own } = await scene.somebody();
    await deleteUser(scene, person);
    return scene.redis === null
      ? { cookie: sessionCookie(signed(own.token)), reason: 'user-gone' }
      : { cookie: sessionCookie(signed(own.token)), reason: 'live', more: { userExists: false } };
  }],
  ['an impersonation', async (scene) => {
    const { person } = await scene.somebody();
    const answer = await post(scene.deployment.app, '/admin/impersonate-user', scene.root.cookie, { userId: person.id });
    const { session } = answer as { readonly session: { readonly token: string } };
    return { cookie: sessionCookie(signed(session.token)), reason: 'live' };
  }],
  ['a copy that agrees', (scene) => ({ cookie: withCopy(scene, asItWas), reason: 'live', more: { answeredBy: 'cache' } })],
  ['a copy of what was revoked', async (scene) => {
    await scene.operator.run(['revoke', '--token-stdin', '--yes', '--quiet'], { stdin: scene.signIn.token });
    return { cookie: withCopy(scene, asItWas), reason: 'cached', more: { stored: gone(scene), answeredBy: 'cache' } };
  }],
  ['a copy in two pieces, of what was revoked', async (scene) => {
    await scene.operator.run(['revoke', '--token-stdin', '--yes', '--quiet'], { stdin: scene.signIn.token });
    const copy = cookieValue(scene.signIn, DATA);
    return { cookie: `${DATA}.1=${copy.slice(200)}; ${DATA}.0=${copy.slice(0, 200)}; ${alone(scene)}`, reason: 'cached' };
  }],
  ['a copy that was tampered with, of what was revoked', async (scene) => {
    await scene.operator.run(['revoke', '--token-stdin', '--yes', '--quiet'], { stdin: scene.signIn.token });
    const { session, expiresAt } = readCopy(cookieValue(scene.signIn, DATA));
    const other = Buffer.from(JSON.stringify({ session: { ...session, updatedAt: 1 }, expiresAt, signature: 'x'.repeat(43) })).toString('base64url');
    return { cookie: `${alone(scene)}; ${DATA}=${other}`, reason: gone(scene), more: { cache: { state: 'bad-signature' } } };
  }],
  ['a copy by another secret', (scene) => ({ cookie: withCopy(scene, asItWas, 'x'.repeat(40)), reason: 'live', more: { cache: { state: 'bad-signature' } } })],
  ['a copy by a former secret', (scene) => ({ cookie: withCopy(scene, asItWas, formerSecret), reason: 'live', more: { cache: { state: 'former-secret' } } })],
  ['a copy that is too old, of what was revoked', async (scene) => {
    await scene.operator.run(['revoke', '--token-stdin', '--yes', '--quiet'], { stdin: scene.signIn.token });
    return { cookie: withCopy(scene, (copy) => ({ ...copy, expiresAt: Date.now() - 1 })), reason: gone(scene), more: { cache: { state: 'too-old' } } };
  }],
  ['a copy of another version', async (scene) => {
    await scene.operator.run(['revoke', '--token-stdin', '--yes', '--quiet'], { stdin: scene.signIn.token });
    return { cookie: withCopy(scene, (copy) => ({ ...copy, session: { ...copy.session, version: '2' } })), reason: gone(scene), more: { cache: { state: 'other-version' } } };
  }],
  ['a copy of a session that has expired', (scene) => ({ cookie: withCopy(scene, ({ session, expiresAt }) => ({ expiresAt, session: { ...session, session: { ...session.session, expiresAt: new Date(Date.now() - 1).toISOString() } } })), reason: 'live', more: { answeredBy: scene.redis === null ? 'database' : 'secondary', cache: { state: 'expired' } } })],
  ['a copy of another session', async (scene) => {
    const { signIn: other } = await scene.somebody();
    return { cookie: `${alone(scene)}; ${DATA}=${cookieValue(other, DATA)}`, reason: 'live', more: { cache: { state: 'other-token' } } };
  }],
  ['a copy that lacks its age', (scene) => ({ cookie: withCopy(scene, ({ session: { session, user }, expiresAt }) => ({ session: { session, user }, expiresAt })), reason: 'live', more: { cache: { state: 'unreadable' } } })],
  ['a copy that is rubbish', (scene) => ({ cookie: `${alone(scene)}; ${DATA}=bm90IGpzb24`, reason: 'live', more: { cache: { state: 'unreadable' } } })],
  ['a copy without the cookie', (scene) => ({ cookie: `${DATA}=${cookieValue(scene.signIn, DATA)}`, reason: 'no-token' })],
]; // prettier-ignore

async function setRow({ deployment }: Place, token: string, field: string, at: Date): Promise<void> {
  const { database, shape } = deployment;
  const where = `${shape.column('token')} = ${literal(database.dialect, token)}`;
  await database.query(
    `UPDATE ${shape.table('session')} SET ${shape.column(field)} = ${shape.encode(at)} WHERE ${where}`,
  );
}

async function expireAt(scene: Scene, at: Date): Promise<void> {
  const { token } = scene.signIn;
  if (scene.mode !== 'secondary only') await setRow(scene, token, 'expiresAt', at);
  const { space } = scene.redis ?? {};
  const value = await space?.get(token);
  if (space === undefined || value === null || value === undefined) return;
  const { session, user } = JSON.parse(value) as { session: object; user: object };
  await space.set(token, JSON.stringify({ session: { ...session, expiresAt: at }, user }), 600);
}

async function setUser({ deployment }: Place, person: Person, field: string, value: string): Promise<void> {
  const { database, shape } = deployment;
  const where = `${shape.column('id')} = ${literal(database.dialect, person.id)}`;
  await database.query(`UPDATE ${shape.table('user')} SET ${shape.column(field)} = ${value} WHERE ${where}`);
}

/** Without what foreign keys would take along. */
async function deleteUser({ deployment }: Place, { id }: Person): Promise<void> {
  const { database, shape } = deployment;
  const statement = `DELETE FROM ${shape.table('user')} WHERE ${shape.column('id')} = ${literal(database.dialect, id)}`;
  if (database.dialect === 'sqlite') {
    database.connection.pragma('foreign_keys = OFF');
    await database.query(statement);
    database.connection.pragma('foreign_keys = ON');
  } else if (database.dialect === 'mysql') {
    const connection = await database.pool.getConnection();
    await connection.query('SET foreign_key_checks = 0');
    await connection.query(statement);
    await connection.query('SET foreign_key_checks = 1');
    connection.release();
  } else {
    // For triggers of the database itself alone, such as those of foreign keys, the session is a replica.
    await database.query(`BEGIN; SET LOCAL session_replication_role = replica; ${statement}; COMMIT`);
  }
}

async function placeOn(dialect: Dialect, mode: Place['mode']): Promise<Place> {
  const redis =
    mode === 'database only' ? null : await deploySecondary({ dialect, mode, storage: 'official', options });
  const deployment = redis ?? (await deploy(ownShape(dialect, 'own adapter, cookie cache', { options })));
  const { app, database } = deployment;
  const ada = await signUp(app, 'Ada', 'ada@example.com');
  const boss = await signUp(app, 'Root', 'root@example.com');
  const { internalAdapter } = await app.$context;
  await internalAdapter.updateUser(boss.id, { role: 'admin' });
  const profile = { timeZone: 'UTC', ...redis?.profile, cookieCacheMaxAge: '5m', auth };
  return {
    deployment,
    redis,
    mode,
    operator: operatorOn(database.url, profile),
    ada,
    root: await signIn(app, boss, client),
    drop: redis?.drop ?? (() => database.drop()),
  };
}

/** What Better Auth answers, and without a refresh, as it is asked of sessionctl. */
async function answers({ deployment: { app } }: Place, cookie: string): Promise<boolean> {
  const asked = app.api.getSession({ headers: { cookie }, query: { disableRefresh: true } });
  return asked.then(
    (session) => session !== null,
    () => false,
  );
}

const places: readonly (readonly [Dialect, Place['mode']])[] = [
  ['postgresql', 'database only'],
  ['mysql', 'database only'],
  ['sqlite', 'database only'],
  ['postgresql', 'secondary only'],
  ['mysql', 'both'],
  ['sqlite', 'preserved'],
];

for (const [dialect, mode] of places) {
  const missing = missingServer(dialect) ?? (mode === 'database only' ? undefined : missingServer('redis'));
  describeUnless(missing, `verify agrees with getSession, ${dialect}, ${mode}`, () => {
    let place: Place;
    let people = 0;
    beforeAll(async () => {
      place = await placeOn(dialect, mode);
    });
    afterAll(() => place.drop());

    const own = cases.flatMap(([name, arrange, modes = [mode]]) =>
      modes.includes(mode) ? [[name, arrange] as const] : [],
    );
    it.each(own)('%s', async (_name, arrange) => {
      const { deployment, operator, ada } = place;
      const { app } = deployment;
      const signedIn = [await signIn(app, ada, client)];
      const somebody = async () => {
        people += 1;
        const person = await signUp(app, 'Somebody', `somebody-${String(people)}@example.com`);
        const session = await signIn(app, person, client);
        signedIn.push(session);
        return { person, signIn: session };
      };
      const scene = { ...place, signIn: signedIn[0] ?? { token: '', cookie: '' }, somebody };
      const { cookie, stdin = cookie, reason, more = {} } = await arrange(scene);

      const { code, stdout, stderr } = await operator.run(['verify', '--json'], { stdin });
      const verified = JSON.parse(stdout) as { readonly valid: boolean };
      expect(verified, stderr).toMatchObject({ reason, ...more });
      // Asked last, since it deletes what has expired.
      expect({ valid: verified.valid, code }).toEqual(
        (await answers(place, cookie)) ? { valid: true, code: 0 } : { valid: false, code: 1 },
      );
      expect(operator.sawAny(signedIn.flatMap(secretsOf))).toEqual([]);
    });

    it('writes nothing, also where a session is due for refresh or has expired', async () => {
      const { deployment, operator, ada, redis } = place;
      const scene = {
        ...place,
        signIn: await signIn(deployment.app, ada, client),
        somebody: () => Promise.reject(new Error()),
      };
      const everything = async () => ({
        rows: await dumpTables(deployment.database),
        keys: await Promise.all(
          ((await redis?.space.keys()) ?? []).map(async (key) => [key, await redis?.space.get(key)]),
        ),
      });
      for (const at of [Date.now() + 60_000, Date.now() - 60_000]) {
        await expireAt(scene, new Date(at));
        const before = await everything();
        await operator.run(['verify'], { stdin: scene.signIn.cookie });
        expect(await everything()).toEqual(before);
      }
    });
  });
}

describeOn('sqlite', 'verify', () => {
  let place: Place;
  let session: SignIn;
  beforeAll(async () => {
    place = await placeOn('sqlite', 'database only');
    session = await signIn(place.deployment.app, place.ada, client);
  });
  afterAll(() => place.drop());
  const onUrl = (more: AuthProfile | undefined) =>
    operatorOn(place.deployment.database.url, more === undefined ? {} : { auth: more });

  it('says in one line what it is, and shows no token', async () => {
    const { operator } = place;
    const { code, stdout, stderr } = await operator.run(['verify'], { stdin: session.cookie });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(
      /^valid +Better Auth answers with this session until .*, from the copy in the cookie\n/,
    );
    expect(stdout).toContain(`token fingerprint  ${fingerprint(session.token)}\n`);
    expect(stdout).toMatch(/^cached copy +answers until \S+ \(\d+s\); it agrees with what is stored$/m);
  });

  it('without a secret the signature is not checked, and that is said', async () => {
    const { code, stdout, stderr } = await onUrl({ baseUrl }).run(['verify', '--json'], {
      stdin: sessionCookie(signed(session.token, 'any secret at all')),
    });
    expect({ code, ...(JSON.parse(stdout) as object) }).toMatchObject({
      code: 0,
      valid: true,
      signature: 'unchecked',
    });
    expect(stderr).toContain('the signature was not checked, since no secret is configured');
  });

  it('without a base URL a cookie may have any name', async () => {
    const stdin = sessionCookie(signed(session.token), `__Secure-${TOKEN}`);
    expect((await onUrl({ secret: appSecret }).run(['verify'], { stdin })).code).toBe(0);
    expect((await onUrl({ secret: appSecret, baseUrl }).run(['verify'], { stdin })).code).toBe(1);
  });

  it('a copy is not believed where the configuration has no cookie cache', async () => {
    const other = await signIn(place.deployment.app, place.ada, client);
    await place.operator.run(['revoke', '--token-stdin', '--yes', '--quiet'], { stdin: other.token });
    const { code, stdout } = await onUrl(auth).run(['verify'], { stdin: other.cookie });
    expect(code).toBe(1);
    expect(stdout).toMatch(/^not valid +\(unknown\): no session has this token$/m);
    expect(stdout).toMatch(/^cached copy +would answer until /m);
  });

  it('of an Authorization header it says what Better Auth makes of it', async () => {
    const stdin = `Authorization: Bearer ${session.token}`;
    const { code, stdout, stderr } = await place.operator.run(['verify'], { stdin });
    expect(code).toBe(1);
    expect(stdout).toContain('an application with the bearer plugin accepts it as it is');
    expect(stderr).toContain('Better Auth reads only with its bearer plugin');
  });

  it.each([
    ['', 'stdin is empty'],
    ['\n \n', 'stdin is empty'],
    ['two words of nothing', 'no token and no cookie'],
  ])('%j is a usage error', async (stdin, message) => {
    const { code, stdout, stderr } = await place.operator.run(['verify'], { stdin });
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain(message);
    expect(stderr).not.toContain('AAAA');
  });

  it('takes no credential on the command line', async () => {
    const { code, stderr } = await place.operator.run(['verify', session.token]);
    expect(code).toBe(2);
    expect(stderr).not.toContain(session.token);
  });

  it('Better Auth itself refuses what a former one of its secrets signed', async () => {
    const { database } = place.deployment;
    if (database.dialect !== 'sqlite') throw new Error('this is about SQLite');
    const rotated = betterAuth({
      ...appOptions({ ...options, database: database.connection }),
      secrets: [
        { version: 2, value: appSecret },
        { version: 1, value: formerSecret },
      ],
    });
    const asked = async (secret: string) =>
      (await rotated.api.getSession({
        headers: { cookie: sessionCookie(signed(session.token, secret)) },
      })) !== null;
    expect([await asked(appSecret), await asked(formerSecret)]).toEqual([true, false]);
  });
});
