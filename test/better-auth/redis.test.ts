import { existsSync, readFileSync } from 'node:fs';
import { Redis } from 'ioredis';
import { afterEach, expect, it } from 'vitest';
import { signIn, signUp } from '../support/app.ts';
import { operatorOn } from '../support/operator.ts';
import { startPrivateCluster } from '../support/private-cluster.ts';
import {
  missingRedisServer,
  startPrivateRedis,
  type PrivateRedisOptions,
  type RedisAddress,
} from '../support/private-redis.ts';
import { startPrivateSentinel } from '../support/private-sentinel.ts';
import { createKeySpace, keySpaceIn, type KeySpace } from '../support/redis.ts';
import {
  deploySecondary,
  indexOf,
  modes,
  readIndex,
  standingOf,
  storages,
  writeIndex,
  type SecondaryDeployment,
  type SecondaryOptions,
} from '../support/secondary.ts';
import { describeOnRedis, describeUnless, missingServer } from '../support/servers.ts';

const dialects = ['postgresql', 'mysql', 'sqlite'] as const;
const client = { ip: '192.0.2.1', userAgent: 'Firefox' };
const week = 7 * 24 * 60 * 60;
const everywhere = { answers: true, listed: true, inRedis: true, inIndex: true, inDatabase: true };
const nowhere = { answers: false, listed: false, inRedis: false, inIndex: false, inDatabase: false };

const dropped: (() => Promise<void>)[] = [];
afterEach(async () => {
  // The last first: applications before the servers that they are on.
  for (const drop of dropped.splice(0).reverse()) await drop();
});

/** Ada has signed in three times. */
async function scene(options: SecondaryOptions) {
  const deployment = await deploySecondary(options);
  dropped.push(deployment.drop);
  const ada = await signUp(deployment.app, 'Ada', 'ada@example.com');
  const signIns = [
    await signIn(deployment.app, ada, client),
    await signIn(deployment.app, ada, client),
    await signIn(deployment.app, ada, client),
  ];
  const standings = async () =>
    (await standingOf(deployment, ada, signIns)).map(({ token, ...standing }, position) => {
      expect(token).toBe(signIns[position]?.token);
      return standing;
    });
  return { deployment, ada, signIns, standings };
}

/** Nobody passes before so many have come. */
function meetingOf(number: number): () => Promise<void> {
  let open: () => void;
  const all = new Promise<void>((resolve) => {
    open = resolve;
  });
  let come = 0;
  return () => {
    come += 1;
    if (come === number) open();
    return all;
  };
}

const dropRow = ({ database, shape }: SecondaryDeployment, token: string) =>
  database.query(`DELETE FROM ${shape.table('session')} WHERE ${shape.column('token')} = '${token}'`);

for (const dialect of dialects) {
  for (const storage of storages) {
    const missing =
      missingServer(dialect) ?? (storage === 'official' ? missingServer('redis') : missingRedisServer());
    describeUnless(missing, `${dialect}, ${storage} storage`, () => {
      it.each(modes)('%s: sessions stand where they are said to', async (mode) => {
        const { deployment, ada, signIns, standings } = await scene({ dialect, mode, storage });
        const { space, app } = deployment;
        const inDatabase = mode !== 'secondary only';
        const alive = { ...everywhere, inDatabase };
        expect(await standings()).toEqual([alive, alive, alive]);

        const operator = operatorOn(deployment.database.url, deployment.profile);
        const { settings } = JSON.parse((await operator.run(['config', 'show', '--json'])).stdout) as {
          readonly settings: readonly { readonly key: string; readonly value: unknown }[];
        };
        expect(Object.fromEntries(settings.map(({ key, value }) => [key, value]))).toMatchObject({
          'redis.key_prefix': space.prefix,
          'session.store_in_database': inDatabase,
          'session.preserve_in_database': mode === 'preserved',
        });

        const tokens = signIns.map(({ token }) => token);
        expect(await space.keys()).toEqual([...tokens, indexOf(ada.id)].sort());
        expect(space.prefix === '').toBe(storage === 'hand-written');
        expect((await readIndex(space, ada.id)).map(({ token }) => token)).toEqual(tokens);
        for (const name of await space.keys()) {
          const lifetime = await space.ttl(name);
          expect(lifetime).toBeGreaterThan(week - 60);
          expect(lifetime).toBeLessThanOrEqual(week);
        }
        expect(JSON.parse((await space.get(tokens[0] ?? '')) ?? '')).toMatchObject({
          session: { token: tokens[0], userId: ada.id },
          user: { email: ada.email },
        });

        const [first = '', second = ''] = tokens;
        // Without the row: Redis is believed.
        if (inDatabase) {
          await dropRow(deployment, first);
          expect((await standings())[0]).toEqual({
            ...alive,
            inDatabase: false,
            listed: mode === 'preserved',
          });
        }
        // Without the key: only a row that is no record answers in its place.
        await space.unlink(second);
        expect((await standings())[1]).toEqual({
          ...alive,
          inRedis: false,
          answers: mode === 'both',
          listed: mode === 'both',
        });
        const { internalAdapter } = await app.$context;
        await internalAdapter.deleteUserSessions(ada.id);
        const gone = { ...nowhere, inDatabase: mode === 'preserved' };
        expect(await standings()).toEqual([nowhere, gone, gone]);
      });
    });
  }
}

describeOnRedis('key spaces on the shared server', () => {
  it('see and drop their own keys alone, whatever their prefix looks like', async () => {
    const spaces = [createKeySpace(), createKeySpace('[a-z]*?\\:'), createKeySpace('')];
    dropped.push(...spaces.map(({ drop }) => drop));
    const [plain, glob, last] = spaces as [KeySpace, KeySpace, KeySpace];
    const inside = keySpaceIn(last.place, `${last.prefix}inside:`);
    for (const space of [...spaces, inside]) {
      await space.set('b', 'value', 60);
      await space.set('a', 'value');
    }
    expect(await glob.keys()).toEqual(['a', 'b']);
    expect([await glob.ttl('a'), await glob.ttl('b'), await glob.ttl('c')]).toEqual([-1, 60, -2]);
    await inside.drop();
    expect(await last.keys()).toEqual(['a', 'b']);
    await glob.drop();
    expect(await plain.keys()).toEqual(['a', 'b']);
    const again = keySpaceIn(glob.place, glob.prefix);
    expect(await again.keys()).toEqual([]);
    await again.drop();
  });

  it('let a test hold up the application, as in a race that loses an index entry', async () => {
    const meeting = meetingOf(2);
    let racing = false;
    const { deployment, ada, signIns, standings } = await scene({
      dialect: 'sqlite',
      mode: 'secondary only',
      storage: 'official',
      around: (storage) => ({
        ...storage,
        get: async (key) => {
          const value: unknown = await storage.get(key);
          if (racing && key.startsWith('active-sessions-')) await meeting();
          return value;
        },
      }),
    });
    racing = true;
    signIns.push(...(await Promise.all([1, 2].map(() => signIn(deployment.app, ada, client)))));
    racing = false;
    const alive = { ...everywhere, inDatabase: false };
    const inRace = (await standings()).slice(3);
    expect(inRace).toContainEqual(alive);
    expect(inRace).toContainEqual({ ...alive, inIndex: false, listed: false });

    await writeIndex(deployment.space, ada.id, []);
    expect(await deployment.space.ttl(indexOf(ada.id))).toBeGreaterThan(week - 60);
    const { internalAdapter } = await deployment.app.$context;
    await internalAdapter.deleteUserSessions(ada.id);
    // It has found none to delete, and judges by a date of its own from now on.
    expect(await deployment.space.get(`revoked-sessions-before-${ada.id}`)).toMatch(/^\d{13}$/);
    expect(await standings()).toEqual(signIns.map(() => ({ ...nowhere, inRedis: true })));
  });
});

describeUnless(missingRedisServer(), 'servers of a test’s own', () => {
  /** Stops it after the test, when nobody may listen on its ports any longer. */
  async function kept<Server extends { readonly stop: () => Promise<void> }>(
    starting: Promise<Server>,
    portsOf: (server: Server) => readonly number[],
  ): Promise<Server> {
    const server = await starting;
    dropped.push(async () => {
      await server.stop();
      for (const port of portsOf(server))
        expect(await answer({ url: `redis://127.0.0.1:${String(port)}` })).toMatch(/ECONNREFUSED/);
    });
    return server;
  }
  const single = (options: PrivateRedisOptions) => kept(startPrivateRedis(options), ({ port }) => [port]);

  /** What a server answers to whoever comes so. */
  async function answer(address: RedisAddress, ask: (client: Redis) => Promise<unknown> = (c) => c.ping()) {
    const { ca, cert, key } = address.tls ?? {};
    const read = (path: string | undefined) => (path === undefined ? undefined : readFileSync(path, 'utf8'));
    const asking = new Redis(address.url, {
      lazyConnect: true,
      retryStrategy: () => null,
      ...(address.tls === undefined ? {} : { tls: { ca: read(ca), cert: read(cert), key: read(key) } }),
    });
    const reasons: string[] = [];
    asking.on('error', ({ message }: Error) => reasons.push(message));
    try {
      await asking.connect();
      return await ask(asking);
    } catch (error) {
      return [...reasons, String(error)].join('; ');
    } finally {
      asking.disconnect();
    }
  }

  it('plain: answers, forgets everything at a restart, and leaves nothing behind', async () => {
    const server = await startPrivateRedis();
    expect(await answer(server.address, (c) => c.set('key', 'value'))).toBe('OK');
    await server.restart();
    expect(await answer(server.address, (c) => c.get('key'))).toBe(null);
    expect(existsSync(server.directory)).toBe(true);
    await server.stop();
    await server.stop();
    expect(await answer(server.address)).toMatch(/ECONNREFUSED/);
    expect(existsSync(server.directory)).toBe(false);
  });

  it('with a password', async () => {
    const server = await single({ password: 'p@ss/word' });
    expect(await answer(server.address)).toBe('PONG');
    expect(await answer(server.addressFor({}))).toMatch(/NOAUTH/);
    expect(await answer(server.addressFor({ password: 'wrong' }))).toMatch(/WRONGPASS/);
  });

  it('with users', async () => {
    const reader = { name: 'reader', password: 'reads', rules: '~app:* +@read +@connection +info' };
    const server = await single({ users: [reader] });
    expect(await answer(server.address, (c) => c.set('app:key', 'value'))).toBe('OK');
    const asReader = server.addressFor({ username: reader.name, password: reader.password });
    expect(await answer(asReader, (c) => c.get('app:key'))).toBe('value');
    expect(await answer(asReader, (c) => c.get('other'))).toMatch(/NOPERM/);
    expect(await answer(asReader, (c) => c.unlink('app:key'))).toMatch(/NOPERM/);
    expect(await answer(server.addressFor({}))).toMatch(/NOAUTH/);
  });

  it.each(['server', 'mutual'] as const)('with TLS alone: %s', async (tls) => {
    const server = await single({ tls, password: 'secret' });
    const { url } = server.address;
    const { ca = '' } = server.address.tls ?? {};
    expect(await answer(server.address)).toBe('PONG');
    expect(await answer({ url })).toMatch(/self-signed/);
    expect(await answer({ ...server.address, url: url.replace('localhost', '127.0.0.1') })).toMatch(
      /altnames/,
    );
    expect(await answer({ url: url.replace('rediss', 'redis') })).not.toBe('PONG');
    expect((await answer({ url, tls: { ca } })) === 'PONG').toBe(tls === 'server');
    const space = keySpaceIn(server, 'app:');
    await space.set('key', 'value', 60);
    expect(await space.keys()).toEqual(['key']);
    await space.drop();
  });

  it('a replica, and one without memory', async () => {
    const primary = await single({ password: 'secret' });
    await answer(primary.address, (c) => c.set('key', 'value'));
    const replica = await single({ password: 'secret', replicaOf: primary });
    expect(await answer(primary.address, (c) => c.info('replication'))).toMatch(/^slave0:.*state=online/m);
    expect(await answer(replica.address, (c) => c.get('key'))).toBe('value');
    expect(await answer(replica.address, (c) => c.del('key'))).toMatch(/READONLY/);
    const full = await single({ maxmemory: '1' });
    expect(await answer(full.address, (c) => c.set('key', 'value'))).toMatch(/OOM/);
  });

  it('a Cluster, with an application on it', async () => {
    const cluster = await kept(startPrivateCluster({ password: 'secret' }), ({ nodes }) =>
      nodes.map(({ port }) => port),
    );
    for (const node of cluster.nodes) expect(await answer(node.address)).toBe('PONG');
    for (const [storage, prefix] of [
      ['hand-written', ''],
      ['official', '[*?:'],
    ] as const) {
      const space = keySpaceIn(cluster, prefix);
      const { standings, deployment } = await scene({ dialect: 'sqlite', mode: 'both', storage, space });
      expect(await standings()).toEqual([everywhere, everywhere, everywhere]);
      if (prefix !== '') await space.client.set('foreign', 'stays');
      expect(await space.keys()).toHaveLength(4);
      await deployment.drop();
      const sizes = await Promise.all(cluster.nodes.map((node) => answer(node.address, (c) => c.dbsize())));
      expect(sizes.map(Number).reduce((sum, size) => sum + size)).toBe(prefix === '' ? 0 : 1);
    }
  });

  it.each([{}, { password: 'secret' }])('a Sentinel, with an application on it: %j', async (options) => {
    const sentinel = await kept(startPrivateSentinel(options), ({ master, replica, sentinelPort }) => [
      master.port,
      replica.port,
      sentinelPort,
    ]);
    const space = keySpaceIn(sentinel, 'better-auth:');
    const { standings } = await scene({ dialect: 'sqlite', mode: 'both', storage: 'official', space });
    expect(await standings()).toEqual([everywhere, everywhere, everywhere]);
    expect(await sentinel.masterPort()).toBe(sentinel.master.port);
    await sentinel.failOver();
    expect(await sentinel.masterPort()).toBe(sentinel.replica.port);
    expect(await answer(sentinel.replica.address, (c) => c.dbsize())).toBe(4);
    expect(await standings()).toEqual([everywhere, everywhere, everywhere]);
  });
});
