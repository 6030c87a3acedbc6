import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { makeAccount } from '../../support/account.ts';
import { signIn, signUp } from '../../support/app.ts';
import { createDatabase } from '../../support/databases.ts';
import { examine } from '../../support/doctor.ts';
import { oauthShapes } from '../../support/oauth.ts';
import { operatorOn } from '../../support/operator.ts';
import { updateSession } from '../../support/population.ts';
import { missingRedisServer, startPrivateRedis } from '../../support/private-redis.ts';
import { keySpaceIn } from '../../support/redis.ts';
import { deploySecondary, indexOf, type SecondaryDeployment } from '../../support/secondary.ts';
import { describeOn, describeUnless, describeWithRedis, type ServerDialect } from '../../support/servers.ts';
import { deploy, named, plainShape, type Deployment } from '../../support/shapes.ts';

const minute = 60_000;
const client = { ip: '192.0.2.1', userAgent: 'Firefox' };

describe.each<ServerDialect>(['postgresql', 'mysql'])('%s', (dialect) => {
  describeOn(dialect, 'doctor, as another account', () => {
    test('rights that are missing are named, with the statements that give them', async () => {
      const shape = oauthShapes.find(({ name }) => name === `${dialect}: OAuth, own adapter`);
      if (shape === undefined) throw new Error('no shape with tokens');
      const { database } = await deploy(shape);
      try {
        await using account = await makeAccount(database);
        const lacking = await examine(account.url);
        expect(lacking.wrong).toEqual(['database-privileges: fail', 'include-privileges: warn']);
        const { result, remedy } = lacking.of('database-privileges');
        const qualified = dialect === 'postgresql' ? 'public.session' : 'session';
        expect(result).toContain(`DELETE on ${qualified}`);
        expect(result).toContain('oauthRefreshToken');
        const include = lacking.of('include-privileges');
        expect(include.result).toMatch(/DELETE on (public\.)?verification/);
        expect(include.result).toMatch(/UPDATE on (public\.)?apikey/);
        const words = ['revoke-all', '--everyone', '--dry-run', '--include', 'api-keys'];
        const { stderr } = await operatorOn(account.url).run(words);
        expect(stderr).toMatch(/would be refused: .*UPDATE on (public\.)?apikey/);
        expect(stderr).not.toMatch(/DELETE on (public\.)?verification/);
        // What is to be pasted gives them, and no more is wanted then.
        for (const statement of remedy?.text.split('\n') ?? []) await database.query(statement);
        expect((await examine(account.url)).wrong).toEqual(['include-privileges: warn']);
        for (const statement of include.remedy?.text.split('\n') ?? []) await database.query(statement);
        expect((await examine(account.url)).wrong).toEqual([]);
      } finally {
        await database.drop();
      }
    });
  });
});

describeOn('postgresql', 'doctor on PostgreSQL', () => {
  test('row-level security that hides sessions, and what mends it', async () => {
    const { database } = await deploy(plainShape('postgresql'));
    try {
      await using account = await makeAccount(database);
      await account.grant('DELETE', 'session');
      await database.query('ALTER TABLE "session" ENABLE ROW LEVEL SECURITY');
      const hidden = await examine(account.url);
      expect(hidden.wrong).toEqual(['include-privileges: warn', 'row-level-security: fail']);
      await database.query(hidden.of('row-level-security').remedy?.text ?? '');
      expect((await examine(account.url)).wrong).toEqual(['include-privileges: warn']);
    } finally {
      await database.drop();
    }
  });

  test('a table that cannot be recognised is said to be none', async () => {
    const database = await createDatabase('postgresql');
    try {
      await database.query('CREATE TABLE "session" (id text PRIMARY KEY, note text)');
      const { code, of } = await examine(database.url);
      expect(code).toBe(1);
      expect(of('database-reachable').status).toBe('ok');
      expect(of('schema-recognised')).toMatchObject({ status: 'fail', remedy: { kind: 'toml' } });
    } finally {
      await database.drop();
    }
  });
});

describe.each([
  ['postgresql: Drizzle, timestamp, snake case', 'postgresql'],
  ['mysql: own adapter', 'mysql'],
] as const)('%s', (name, dialect) => {
  describeOn(dialect, 'doctor and columns without a zone', () => {
    let deployment: Deployment;
    beforeAll(async () => {
      deployment = await deploy(named(name));
      const { app, database, shape } = deployment;
      // Better Auth's own migration has made it already.
      if (name.includes('Drizzle'))
        await database.query(`CREATE INDEX ON ${shape.table('session')} (${shape.column('userId')})`);
      const ada = await signUp(app, 'Ada', 'ada@example.com');
      for (let at = 0; at < 24; at += 1) await signIn(app, ada, client);
    });
    afterAll(() => deployment.database.drop());

    test('a zone that nobody configured, and one that is right', async () => {
      const { url } = deployment.database;
      expect((await examine(url, { timeZone: null })).wrong).toEqual(['time-zone-known: warn']);
      expect((await examine(url)).wrong).toEqual([]);
    });

    test('a zone that is wrong, whichever way', async () => {
      const { url } = deployment.database;
      const west = await examine(url, { timeZone: 'America/New_York' });
      expect(west.wrong).toContain('time-zone-plausible: fail');
      expect(west.of('time-zone-plausible').remedy?.text).toContain('time_zone = "+00:00"');
      expect(west.wrong).toContain('future-sessions: warn');
      const east = await examine(url, { timeZone: 'Asia/Kolkata' });
      expect(east.wrong).toEqual(['time-zone-plausible: warn']);
      expect(east.of('time-zone-plausible').result).toContain('5h30m old');
      expect(east.of('time-zone-plausible').remedy?.text).toContain('time_zone = "+00:00"');
    });
  });
});

describeOn('sqlite', 'doctor on SQLite', () => {
  test('refreshes that leave updatedAt as it is, and what makes up for it', async () => {
    const deployment = await deploy(plainShape('sqlite'));
    try {
      const { app, database } = deployment;
      for (const [who, daysAgo] of [
        ['daily', 20],
        ['gone', 3],
      ] as const) {
        const { token } = await signIn(app, await signUp(app, who, `${who}@example.com`), client);
        const begun = new Date(Date.now() - daysAgo * 1440 * minute);
        const expiresAt = new Date(
          who === 'daily' ? Date.now() + 6.5 * 1440 * minute : begun.getTime() + 7 * 1440 * minute,
        );
        await updateSession(deployment, token, { createdAt: begun, updatedAt: begun, expiresAt });
      }
      const without = 'cookie_cache = { enabled = false }';
      const found = await examine(database.url, { session: without });
      expect(found.wrong).toEqual(['activity: warn']);
      const { text = '' } = found.of('activity').remedy ?? {};
      expect(text).toContain('expires_in = "7d"');
      expect((await examine(database.url)).wrong).toEqual([]);
    } finally {
      await deployment.database.drop();
    }
  });

  test('no session though there are users', async () => {
    const { app, database } = await deploy(plainShape('sqlite'));
    try {
      for (let at = 0; at < 12; at += 1) await signUp(app, 'Somebody', `somebody${String(at)}@example.com`);
      const { wrong, of } = await examine(database.url);
      expect(wrong).toEqual(['store-mode: warn']);
      expect(of('store-mode').remedy).toMatchObject({ kind: 'toml' });
    } finally {
      await database.drop();
    }
  });

  test('no user table', async () => {
    const { database } = await deploy(plainShape('sqlite'));
    try {
      await database.query('PRAGMA foreign_keys = OFF');
      await database.query('DROP TABLE "user"');
      const { wrong, of } = await examine(database.url);
      expect(wrong).toEqual(['orphan-sessions: warn', 'schema-recognised: warn']);
      expect(of('orphan-sessions').inconclusive).toBe(true);
    } finally {
      await database.drop();
    }
  });
});

describe.each(['secondary only', 'both', 'preserved'] as const)('Redis, %s', (mode) => {
  describeWithRedis('sqlite', 'doctor', () => {
    let deployment: SecondaryDeployment;
    beforeAll(async () => {
      deployment = await deploySecondary({ dialect: 'sqlite', mode, storage: 'official' });
      const { app } = deployment;
      for (const name of ['Ada', 'Zoe']) {
        const person = await signUp(app, name, `${name}@example.com`);
        for (let at = 0; at < 2; at += 1) await signIn(app, person, client);
      }
    });
    afterAll(() => deployment.drop());

    const session = [
      ...(mode === 'secondary only' ? [] : ['store_in_database = true']),
      ...(mode === 'preserved' ? ['preserve_in_database = true'] : []),
    ].join('\n');
    const configOf = ({ space }: SecondaryDeployment, more = '') => ({
      session,
      redis: `url = ${JSON.stringify(space.place.address.url)}\nkey_prefix = ${JSON.stringify(space.prefix)}\n${more}`,
    });

    test('of a healthy deployment nothing is said, and no key is changed', async () => {
      const { database, space } = deployment;
      const before = await space.keys();
      const { wrong, code, of } = await examine(database.url, configOf(deployment));
      expect({ wrong, code }).toEqual({ wrong: [], code: 0 });
      expect(of('redis-lifetimes').result).toContain('of 4 sessions');
      expect(await space.keys()).toEqual(before);
    });

    test('keys without a lifetime, entries that name nothing, another prefix', async () => {
      const { database, space } = deployment;
      const [token = ''] = (await space.keys()).filter((key) => /^[A-Za-z0-9]{32}$/.test(key));
      await space.client.persist(space.prefix + token);
      await space.set(indexOf('nobody'), JSON.stringify([{ token: 'gone', expiresAt: Date.now() + minute }]));
      const found = await examine(database.url, configOf(deployment));
      expect(found.wrong).toEqual(['redis-leftovers: warn', 'redis-lifetimes: warn']);
      expect(found.of('redis-leftovers').result).toBe(
        '1 entry of an ended session, 1 list without a lifetime',
      );
      const elsewhere = await examine(database.url, {
        session,
        redis: `url = ${JSON.stringify(space.place.address.url)}\nkey_prefix = "nobodys:${space.prefix}"`,
      });
      expect(elsewhere.wrong).toContain('store-mode: fail');
    });
  });
});

describeUnless(missingRedisServer(), 'doctor and other servers of Redis', () => {
  test('eviction, a replica, a user without rights, and nobody at all', async () => {
    const evicting = await startPrivateRedis({
      maxmemory: '50mb',
      settings: { 'maxmemory-policy': 'allkeys-lru' },
    });
    const replica = await startPrivateRedis({ replicaOf: evicting });
    const limited = await startPrivateRedis({
      users: [{ name: 'reader', password: 'reads-alone', rules: '~* +@read +@connection +scan' }],
    });
    const space = keySpaceIn(evicting, 'better-auth:');
    const deployment = await deploySecondary({
      dialect: 'sqlite',
      mode: 'secondary only',
      storage: 'official',
      space,
    });
    try {
      const { app, database } = deployment;
      await signIn(app, await signUp(app, 'Ada', 'ada@example.com'), client);
      const at = (url: string) => examine(database.url, { redis: `url = ${JSON.stringify(url)}` });

      const changes = async () =>
        /rdb_changes_since_last_save:\d+/.exec(await space.client.info('persistence'))?.[0];
      const before = await changes();
      const first = await at(evicting.address.url);
      // Not even for a moment.
      expect(await changes()).toBe(before);
      expect(first.wrong).toEqual(['redis-eviction: warn']);
      await evicting.connect().config('SET', 'maxmemory-policy', 'noeviction');
      expect((await at(evicting.address.url)).wrong).toEqual([]);

      expect((await at(replica.address.url)).of('redis-writable')).toMatchObject({ status: 'fail' });

      const reader = await at(limited.addressFor({ username: 'reader', password: 'reads-alone' }).url);
      expect(reader.of('redis-writable')).toMatchObject({ status: 'fail', remedy: { kind: 'command' } });
      expect(reader.of('redis-eviction')).toMatchObject({ status: 'warn', inconclusive: true });
      expect(reader.stdout).not.toContain('reads-alone');

      await replica.stop();
      const gone = await at(replica.address.url);
      expect(gone.of('redis-reachable').status).toBe('fail');
      expect(gone.of('schema-recognised').status).toBe('ok');
      expect(gone.of('auth-secret').status).toBe('ok');
    } finally {
      await deployment.drop();
      await limited.stop();
      await evicting.stop();
    }
  });
});
