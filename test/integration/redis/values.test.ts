import { Buffer } from 'node:buffer';
import type { BetterAuthOptions } from 'better-auth';
import { expect, it } from 'vitest';
import { fingerprint, signIn, signUp } from '../../support/app.ts';
import { operatorOn } from '../../support/operator.ts';
import { deploySecondary, indexOf, whichAnswer, type Mode } from '../../support/secondary.ts';
import { describeOnRedis } from '../../support/servers.ts';

type Storage = NonNullable<BetterAuthOptions['secondaryStorage']>;

/** How an application's adapter writes what Better Auth hands it, and reads it again. */
interface Encoding {
  readonly write: (text: string) => string;
  readonly read: (text: string) => string;
}

const parse = (text: string) =>
  JSON.parse(text) as { readonly value: string; readonly json: unknown; readonly data: unknown };

const known: Readonly<Record<string, Encoding>> = {
  'JSON in a JSON string': {
    write: (text) => JSON.stringify(text),
    read: (text) => JSON.parse(text) as string,
  },
  'the envelope of keyv': {
    write: (text) => JSON.stringify({ value: text, expires: Date.now() + 3_600_000 }),
    read: (text) => parse(text).value,
  },
  'the envelope of cache-manager': {
    write: (text) => JSON.stringify({ value: JSON.parse(text) as unknown, expires: 1 }),
    read: (text) => JSON.stringify(parse(text).value),
  },
  'an envelope by hand': {
    write: (text) => JSON.stringify({ data: JSON.parse(text) as unknown }),
    read: (text) => JSON.stringify(parse(text).data),
  },
  superjson: {
    write: (text) => JSON.stringify({ json: JSON.parse(text) as unknown, meta: { values: {} } }),
    read: (text) => JSON.stringify(parse(text).json),
  },
  'a Buffer in JSON': {
    write: (text) => JSON.stringify(Buffer.from(text)),
    read: (text) => Buffer.from((JSON.parse(text) as { readonly data: number[] }).data).toString(),
  },
};

/** Nothing that sessionctl knows. */
const hexadecimal: Encoding = {
  write: (text) => Buffer.from(text).toString('hex'),
  read: (text) => Buffer.from(text, 'hex').toString(),
};

/** An application with this adapter, in which Ada and Bob have signed in. */
async function deployWith(mode: Mode, encoding: Encoding, isWrapped: (key: string) => boolean = () => true) {
  const around = (bare: Storage): Storage => ({
    ...bare,
    get: async (key) => {
      const text = (await bare.get(key)) as string | null;
      return text === null || !isWrapped(key) ? text : encoding.read(text);
    },
    set: (key, value, ttl) => bare.set(key, isWrapped(key) ? encoding.write(value) : value, ttl),
  });
  const deployment = await deploySecondary({ dialect: 'sqlite', mode, storage: 'official', around });
  const { app, database, profile } = deployment;
  const ada = await signUp(app, 'Ada', 'ada@example.com');
  const bob = await signUp(app, 'Bob', 'bob@example.com');
  const [first, second] = [
    await signIn(app, ada, { ip: '192.0.2.1', userAgent: 'Firefox' }),
    await signIn(app, bob, { ip: '192.0.2.2', userAgent: 'Chrome' }),
  ];
  return {
    deployment,
    ada,
    bob,
    first,
    second,
    living: () => whichAnswer(app, [first, second]),
    operator: operatorOn(database.url, profile),
  };
}

const modes = ['secondary only', 'both', 'preserved'] as const;

describeOnRedis('values that adapters are known to wrap', () => {
  for (const [name, encoding] of Object.entries(known)) {
    it.concurrent.for(modes)(
      `${name}, %s: sessions are shown and ended`,
      async (mode, { onTestFinished }) => {
        const { deployment, first, second, living, operator } = await deployWith(mode, encoding);
        onTestFinished(deployment.drop);
        const listed = JSON.parse((await operator.run(['list', '--json'])).stdout) as readonly object[];
        expect(listed).toHaveLength(2);
        expect(listed).toContainEqual(
          expect.objectContaining({
            tokenFingerprint: fingerprint(first.token),
            userEmail: 'ada@example.com',
            ipAddress: '192.0.2.1',
          }),
        );
        const byAddress = await operator.run(['revoke-all', '--ip', '192.0.2.1', '--yes', '--json', '-q']);
        expect(JSON.parse(byAddress.stdout)).toMatchObject({ revoked: 1, remaining: 0 });
        expect(await living()).toEqual([second]);
        const all = await operator.run(['revoke-all', '--everyone', '--yes', '--json', '-q']);
        expect(all.code, all.stderr).toBe(0);
        expect(await living()).toEqual([]);
      },
    );
  }
});

describeOnRedis('values that cannot be read', () => {
  it.concurrent.for(['both', 'preserved'] as const)(
    '%s: the rows say which keys are sessions, and these end',
    async (mode, { onTestFinished }) => {
      const { deployment, first, second, living, operator } = await deployWith(mode, hexadecimal);
      onTestFinished(deployment.drop);
      const listed = await operator.run(['list', '--json']);
      expect(listed).toMatchObject({ code: 0, stderr: '' });
      expect(JSON.parse(listed.stdout)).toMatchObject([{ store: 'both' }, { store: 'both' }]);

      const one = await operator.run(['revoke', '--token-stdin', '--yes', '--json', '-q'], {
        stdin: first.token,
      });
      expect(JSON.parse(one.stdout)).toMatchObject({ revoked: 1, remaining: 0, secondary: { deleted: 1 } });
      expect(await living()).toEqual([second]);
      const rest = await operator.run(['revoke-all', '--ip', '192.0.2.2', '--yes', '--json', '-q']);
      expect(JSON.parse(rest.stdout)).toMatchObject({ revoked: 1, remaining: 0, secondary: { deleted: 1 } });
      expect(await living()).toEqual([]);
    },
  );

  it.concurrent('the newest sessions of a user stay by what their rows say', async ({ onTestFinished }) => {
    const { deployment, ada, first, operator } = await deployWith('both', hexadecimal);
    onTestFinished(deployment.drop);
    const newer = await signIn(deployment.app, ada, { ip: '192.0.2.3', userAgent: 'Safari' });
    const done = await operator.run(['limit', '--max', '1', '--yes', '--json', '-q']);
    expect(JSON.parse(done.stdout)).toMatchObject({ matched: 1, revoked: 1, remaining: 0 });
    expect(await whichAnswer(deployment.app, [first, newer])).toEqual([newer]);
  });

  it.concurrent(
    'a key that is still there is a survivor, though its row is gone',
    async ({ onTestFinished }) => {
      const { deployment, first, operator } = await deployWith('both', hexadecimal);
      const { space } = deployment;
      // As a request that read the session before writes it again, and again, without a moment between.
      const value = (await space.get(first.token)) ?? '';
      let isWriting = true;
      const writeAgain = async (): Promise<void> => {
        while (isWriting) await space.set(first.token, value, 3600);
      };
      const writer = writeAgain();
      onTestFinished(async () => {
        isWriting = false;
        await writer;
        await deployment.drop();
      });
      const done = await operator.run(['revoke-all', '--ip', '192.0.2.1', '--yes', '--json', '-q']);
      expect(done.code).toBe(9);
      expect(JSON.parse(done.stdout)).toMatchObject({ remaining: 1, effectiveAt: null });
    },
  );

  it.concurrent('Redis alone: lists of users say which keys are sessions', async ({ onTestFinished }) => {
    const isSession = (key: string) => !key.startsWith('active-sessions-');
    const { deployment, second, living, operator } = await deployWith(
      'secondary only',
      hexadecimal,
      isSession,
    );
    onTestFinished(deployment.drop);
    const byAddress = await operator.run(['revoke-all', '--ip', '192.0.2.1', '--yes', '--json', '-q']);
    expect(byAddress.code).toBe(6);
    expect(JSON.parse(byAddress.stdout)).toMatchObject({ revoked: 0, secondary: { unreadable: 2 } });
    const named = await operator.run(['revoke-all', '--user', 'ada@example.com', '--yes', '--json', '-q']);
    expect(named.code, named.stderr).toBe(0);
    expect(JSON.parse(named.stdout)).toMatchObject({ revoked: 1, remaining: 0 });
    expect(await living()).toEqual([second]);
    const all = await operator.run(['revoke-all', '--everyone', '--yes', '--json', '-q']);
    expect(JSON.parse(all.stdout)).toMatchObject({ revoked: 1, remaining: 0 });
    expect(await living()).toEqual([]);
  });

  it.concurrent('that nothing names are counted, and nothing is claimed', async ({ onTestFinished }) => {
    const { deployment, first, second, living, operator } = await deployWith('secondary only', hexadecimal);
    onTestFinished(deployment.drop);
    // Not in the form of a token: the key of a cache.
    await deployment.space.set('0123456789abcdef0123456789abcdef', 'of another application', 3600);
    const says = /2 keys in Redis look like sessions and cannot be read/;
    for (const words of [
      ['list'],
      ['list', '--json'],
      ['stats'],
      ['revoke-all', '--everyone', '--yes', '-q'],
    ]) {
      const done = await operator.run(words);
      expect(done.code, words.join(' ')).toBe(6);
      expect(done.stderr).toMatch(says);
    }
    expect(JSON.parse((await operator.run(['stats', '--json'])).stdout)).toMatchObject({ unreadable: 2 });
    expect(
      (await operator.run(['revoke-all', '--everyone', '--dry-run'])).stdout.replace(/\s+/g, ' '),
    ).toMatch(says);
    expect((await operator.run(['doctor'])).stdout).toMatch(
      /^warn +redis-values +2 keys look like sessions/m,
    );
    expect(await living()).toEqual([first, second]);

    const verified = await operator.run(['verify'], { stdin: first.cookie });
    expect(verified.stdout).toMatch(/it is not known whether Better Auth accepts it/);
    const one = await operator.run(['revoke', '--token-stdin', '--yes', '-q'], { stdin: first.token });
    expect(one.code, one.stderr).toBe(0);
    expect(await living()).toEqual([second]);
  });

  it.concurrent.for(['both', 'secondary only'] as const)(
    'a hash in place of a session, %s: does not stop a run',
    async (mode, { onTestFinished }) => {
      const { deployment, first, ada, operator } = await deployWith(mode, {
        write: (t) => t,
        read: (t) => t,
      });
      onTestFinished(deployment.drop);
      const { space } = deployment;
      await space.unlink(first.token);
      await space.client.hset(space.prefix + first.token, 'session', '{}');
      expect(await space.get(indexOf(ada.id))).not.toBeNull();
      const done = await operator.run(['revoke-all', '--user', ada.id, '--yes', '--json', '-q']);
      expect(done.code, done.stderr).toBe(0);
      expect(await space.client.exists(space.prefix + first.token)).toBe(0);
    },
  );
});
