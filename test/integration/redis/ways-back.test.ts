import { expect, it, onTestFinished } from 'vitest';
import { signUp } from '../../support/app.ts';
import { operatorOn } from '../../support/operator.ts';
import { createBareKeySpace, createKeySpace, type KeySpace } from '../../support/redis.ts';
import { modes, officialStorage, profileOf, type Mode } from '../../support/secondary.ts';
import { describeOnRedis } from '../../support/servers.ts';
import { returningApp, type Returning, type ReturningShape } from '../../support/ways-back.ts';

const used = async ({ ways }: Returning) => {
  const answers: Record<string, boolean> = {};
  for (const [name, use] of Object.entries(ways)) answers[name] = await use();
  return answers;
};

type Storage = ReturnType<typeof officialStorage>;

async function deploy(
  mode: Mode,
  apiKeys: ReturningShape['apiKeys'] = {},
  space: KeySpace = createKeySpace(),
  around: (storage: Storage, space: KeySpace) => Storage = (storage) => storage,
) {
  const client = space.place.connect();
  const deployment = await returningApp('sqlite', {
    apiKeys,
    options: {
      secondaryStorage: around(officialStorage(client, space.prefix), space),
      session: { storeSessionInDatabase: mode !== 'secondary only' },
      verification: { storeInDatabase: mode !== 'secondary only' },
    },
  });
  onTestFinished(async () => {
    client.disconnect();
    await space.drop();
    await deployment.database.drop();
  });
  return {
    ...deployment,
    client,
    space,
    operator: operatorOn(deployment.database.url, profileOf(mode, space)),
  };
}

/** How an application's adapter may store API keys otherwise than Better Auth's own. */
const otherForms: Readonly<Record<string, (storage: Storage, space: KeySpace) => Storage>> = {
  'in JSON within JSON': (storage) => ({
    ...storage,
    get: async (key) => {
      const text = (await storage.get(key)) as string | null;
      return text === null || !key.startsWith('api-key:') ? text : (JSON.parse(text) as string);
    },
    set: (key, value, ttl) =>
      storage.set(key, key.startsWith('api-key:') ? JSON.stringify(value) : value, ttl),
  }),
  'in a hash of Redis': (storage, { client, prefix }) => ({
    ...storage,
    get: (key) => (key.startsWith('api-key:') ? client.hget(`${prefix}${key}`, 'value') : storage.get(key)),
    set: async (key, value, ttl) => {
      if (key.startsWith('api-key:')) await client.hset(`${prefix}${key}`, 'value', value);
      else await storage.set(key, value, ttl);
    },
  }),
};

describeOnRedis('what lets users in again, with verifications in Redis', () => {
  for (const mode of modes.filter((each) => each !== 'preserved'))
    it(`is counted and ended, of these users alone: ${mode}`, async () => {
      const { operator, returning } = await deploy(mode);
      const ada = await returning('ada@example.com');
      const bea = await returning('bea@example.com');
      const words = ['revoke-all', '--user', 'ada@example.com', '--json'];
      const outlives = (stdout: string) => (JSON.parse(stdout) as { readonly outlives: unknown }).outlives;
      const planned = await operator.run([...words, '--dry-run']);
      expect(outlives(planned.stdout)).toMatchObject({
        verifications: { found: 3, ended: 0 },
        'trusted-devices': { found: 1, ended: 0 },
        'device-codes': { found: 1, ended: 0 },
      });
      const included = ['--include', 'device-codes,verifications,trusted-devices,api-keys'];
      const ran = await operator.run([...words, '--yes', ...included]);
      expect(ran.code, ran.stderr).toBe(0);
      expect(outlives(ran.stdout)).toMatchObject({
        verifications: { found: 3, ended: 3 },
        'trusted-devices': { found: 1, ended: 1 },
      });
      expect(Object.values(await used(ada))).not.toContain(true);
      expect(Object.values(await used(bea))).not.toContain(false);
    });

  for (const fallbackToDatabase of [false, true])
    it(`API keys in Redis are counted and disabled, ${fallbackToDatabase ? 'before the' : 'without'} rows`, async () => {
      const { operator, returning, client, space } = await deploy('both', {
        storage: 'secondary-storage',
        fallbackToDatabase,
      });
      const ada = await returning('ada@example.com');
      const bea = await returning('bea@example.com');
      const reported = async (...more: readonly string[]) => {
        const ran = await operator.run(['revoke-all', '--user', 'ada@example.com', '--json', ...more]);
        const { outlives } = JSON.parse(ran.stdout) as {
          readonly outlives: Readonly<Record<string, unknown>>;
        };
        return { code: ran.code, stderr: ran.stderr, apiKeys: outlives['api-keys'] };
      };
      expect(await ada.ways.apiKey()).toBe(true);
      expect((await reported('--dry-run')).apiKeys).toEqual({ found: 1, ended: 0 });

      // What cannot be read may be one of hers.
      const unreadable = `${space.prefix}api-key:by-id:unreadable`;
      await client.set(unreadable, 'no JSON');
      expect(await reported('--yes', '--include', 'api-keys')).toMatchObject({
        code: 6,
        stderr: expect.stringContaining('whether API keys are left is not known') as unknown,
      });
      await client.del(unreadable);
      expect(await ada.ways.apiKey()).toBe(false);
      expect(await bea.ways.apiKey()).toBe(true);

      expect(await reported('--yes', '--include', 'api-keys')).toMatchObject({
        code: 0,
        apiKeys: { found: 0, ended: 0 },
      });
      const cara = await returning('cara@example.com');
      const words = ['revoke-all', '--user', 'cara@example.com', '--json', '--yes', '--include', 'api-keys'];
      const ran = await operator.run(words);
      expect(ran.code, ran.stderr).toBe(0);
      expect(JSON.parse(ran.stdout)).toMatchObject({ outlives: { 'api-keys': { found: 1, ended: 1 } } });
      expect(await cara.ways.apiKey()).toBe(false);
      expect(await bea.ways.apiKey()).toBe(true);
    });

  it('an API key that Redis holds by its hash alone is counted and disabled', async () => {
    const { operator, returning, client, space } = await deploy('both', { storage: 'secondary-storage' });
    const ada = await returning('ada@example.com');
    const bea = await returning('bea@example.com');
    const evicted = (await space.keys()).filter((name) => name.startsWith('api-key:by-'));
    expect(evicted).toHaveLength(4);
    await client.del(...evicted.map((name) => `${space.prefix}${name}`));
    const ran = await operator.run([
      'revoke-all', '--user', 'ada@example.com', '--json', '--yes', '--include', 'api-keys',
    ]); // prettier-ignore
    expect(ran.code, ran.stderr).toBe(0);
    expect(JSON.parse(ran.stdout)).toMatchObject({ outlives: { 'api-keys': { found: 1, ended: 1 } } });
    expect(await ada.ways.apiKey()).toBe(false);
    expect(await bea.ways.apiKey()).toBe(true);
  });

  for (const [form, around] of Object.entries(otherForms))
    it(`API keys ${form} are not counted as none`, async () => {
      const { app, operator, returning } = await deploy(
        'both',
        { storage: 'secondary-storage' },
        undefined,
        around,
      );
      const ada = await returning('ada@example.com');
      await signUp(app, 'Cara', 'cara@example.com');
      expect(await ada.ways.apiKey()).toBe(true);
      const words = ['revoke-all', '--user', 'ada@example.com'];
      const planned = await operator.run([...words, '--dry-run']);
      expect(planned.stdout.replace(/\s+/g, ' ')).toContain(
        'Whether this user can come back through API keys is not known: sessionctl cannot read them here.',
      );
      const ran = await operator.run([...words, '--yes', '--include', 'api-keys']);
      expect(ran).toMatchObject({
        code: 6,
        stderr: expect.stringContaining('whether API keys are left is not known') as unknown,
      });
      expect(await ada.sessions()).toBe(0);
      expect(await ada.ways.apiKey()).toBe(true);
      // Only a value that cannot be read at all may be anyone's.
      const cara = await operator.run(['revoke-all', '--user', 'cara@example.com', '--dry-run']);
      expect(cara.stdout.includes('API keys is not known')).toBe(form.includes('hash'));
    });

  it('are found in one walk through the keys', async () => {
    const space = await createBareKeySpace();
    const { operator, returning } = await deploy('both', { storage: 'secondary-storage' }, space);
    const walksFor = async (email: string, ...words: readonly string[]) => {
      await returning(email);
      // With so few keys, each walk is one command.
      await space.client.call('CONFIG', 'RESETSTAT');
      const ran = await operator.run(['revoke-all', '--user', email, ...words]);
      expect(ran.code, ran.stderr).toBe(0);
      return Number(/^cmdstat_scan:calls=(\d+)/m.exec(await space.client.info('commandstats'))?.[1]);
    };
    // The check for a mismatch, the sessions, what lets the user in again, and the rehearsal.
    expect(await walksFor('ada@example.com', '--dry-run')).toBe(4);
    const all = ['--include', 'device-codes,verifications,trusted-devices,oauth-tokens,api-keys'];
    const without = await walksFor('bea@example.com', '--yes');
    // One ends them, one ends what was added meanwhile, and one checks.
    expect(await walksFor('cara@example.com', '--yes', ...all)).toBe(without + 3);
  });
});
