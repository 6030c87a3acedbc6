import { stripVTControlCharacters } from 'node:util';
import { expect, it } from 'vitest';
import { signIn, signUp } from '../../support/app.ts';
import { operatorOn } from '../../support/operator.ts';
import { missingRedisServer, startPrivateRedis } from '../../support/private-redis.ts';
import { keySpaceIn } from '../../support/redis.ts';
import {
  deploySecondary,
  whichAnswer,
  type Mode,
  type SecondaryDeployment,
} from '../../support/secondary.ts';
import {
  describeOnRedis,
  describeUnless,
  describeWithRedis,
  missingServer,
  type Dialect,
} from '../../support/servers.ts';

const client = { ip: '203.0.113.7', userAgent: 'Firefox' };

/** An application in which one user has signed in twice, and another whose prefix may be mistaken for its. */
async function neighbours(
  mode: Mode,
  afterwards: (end: () => Promise<void>) => void,
  dialect: Dialect = 'sqlite',
) {
  const apps: Awaited<ReturnType<typeof signedIn>>[] = [];
  for (const name of ['own', 'other']) {
    const deployment = await deploySecondary({ dialect, mode, storage: 'official' });
    afterwards(deployment.drop);
    apps.push(await signedIn(deployment, name));
  }
  const [own, other] = apps;
  if (own === undefined || other === undefined) throw new Error('two applications were deployed');
  const { profile, database } = own.deployment;
  const withPrefix = (keyPrefix: string, more: object = {}) => {
    if (profile.redis === undefined) throw new Error('the profile names no Redis');
    return operatorOn(database.url, { ...profile, ...more, redis: { ...profile.redis, keyPrefix } });
  };
  return {
    own,
    other,
    /** Whoever wrote the profile took the prefix of the other application. */
    mistaken: withPrefix(other.deployment.space.prefix),
    /** Or one that nobody has. */
    lost: withPrefix(`${own.deployment.space.prefix}nobody:`),
    withPrefix,
  };
}

async function signedIn(deployment: SecondaryDeployment, name: string) {
  const person = await signUp(deployment.app, name, `${name}@example.com`);
  const signIns = [
    await signIn(deployment.app, person, client),
    await signIn(deployment.app, person, client),
  ];
  const living = async () => (await whichAnswer(deployment.app, signIns)).length;
  return { deployment, person, signIns, living };
}

const strangers =
  /most sessions in Redis \S+ under the prefix "\S+" belong to no user of \S+: they seem to be another application's/;
const inOneLine = (text: string) => stripVTControlCharacters(text).replace(/\s+/g, ' ');
const everyone = ['revoke-all', '--everyone'] as const;

/** The users are looked up in the database: each of them, in either mode. */
const walked = [
  ['postgresql', 'both'],
  ['mysql', 'secondary only'],
  ['sqlite', 'both'],
] as const;

for (const [dialect, mode] of walked) {
  describeWithRedis(dialect, `the prefix of another application, ${dialect}, ${mode}`, () => {
    it('sessions of another application are not ended where nobody is asked', async ({ onTestFinished }) => {
      const { own, other, mistaken } = await neighbours(mode, onTestFinished, dialect);
      for (const words of [everyone, ['revoke-all', '--ip', client.ip], ['limit', '--max', '1']]) {
        const done = await mistaken.run([...words, '--yes', '--json', '-q']);
        expect(done).toMatchObject({ code: 7, stdout: '' });
        expect(done.stderr).toMatch(strangers);
        expect(done.stderr).toMatch(/nothing was changed/);
        // Where rows show that it is the wrong place, the right one is looked for.
        expect(done.stderr).toContain(mode === 'both' ? own.deployment.space.prefix : 'Check key_prefix');
      }
      expect(mistaken.history().map(({ event }) => event)).toEqual(['refused', 'refused', 'refused']);
      expect(mistaken.history()[0]?.detail).toMatch(strangers);
      const dry = await mistaken.run([...everyone, '--dry-run']);
      expect(dry).toMatchObject({ code: 0 });
      expect(inOneLine(dry.stdout)).toMatch(strangers);
      expect(dry.stderr).toContain('with --yes instead of --dry-run this would be refused');
      expect([await own.living(), await other.living()]).toEqual([2, 2]);
    });
  });
}

describeOnRedis('where the configuration and the stores disagree', () => {
  it('a wrong prefix is told as long as it is wrong, also once no row is left to see it by', async ({
    onTestFinished,
  }) => {
    const { own, lost } = await neighbours('both', onTestFinished);
    const right = JSON.stringify(own.deployment.space.prefix);
    const done = await lost.run([...everyone, '--yes', '-q']);
    expect(done).toMatchObject({ code: 7, stdout: '' });
    expect(done.stderr).toMatch(
      /Redis \S+ holds none of the 2 live sessions of \S+ that were looked up there/,
    );
    expect(done.stderr).toContain(`nothing was changed`);
    expect(done.stderr).toContain(`Set key_prefix = ${right} in`);
    expect((await lost.run(['list', '-o', 'ids'])).stdout.trim().split('\n')).toHaveLength(2);
    const checked = (await lost.run(['doctor'])).stdout;
    expect(checked).toMatch(/^fail +store-mode/m);
    expect(checked).toContain(`key_prefix = ${right}`);
    expect((await lost.run(['sweep'])).stderr).toMatch(
      /warning: Redis \S+ holds none of the 2 live sessions/,
    );

    const allowed = await lost.run([...everyone, '--yes', '--json', '-q', '--allow-mismatch']);
    expect(allowed.code, allowed.stderr).toBe(0);
    expect(JSON.parse(allowed.stdout)).toMatchObject({
      revoked: 2,
      effectiveAt: expect.any(String) as string,
      mismatch: expect.stringContaining('holds none of') as string,
    });
    expect(await own.living()).toBe(2);
    const said = `holds no session under the prefix ${JSON.stringify(`${own.deployment.space.prefix}nobody:`)}; sessions of users of this database are stored under the prefix ${right}`;
    for (const words of [['list', '--state', 'all'], ['stats'], ['show', 'nothing-of-that-name']]) {
      const ran = await lost.run(words);
      expect(inOneLine(ran.stderr), words.join(' ')).toContain(said);
    }
    expect(await lost.run([...everyone, '--yes'])).toMatchObject({ code: 7, stdout: '' });
    expect((await lost.run(['doctor'])).stdout).toMatch(/^fail +store-mode/m);
    // What the wrong run has left is seen under the right prefix.
    const { profile, database } = own.deployment;
    const looked = await operatorOn(database.url, profile).run(['doctor']);
    expect(looked.stdout).toMatch(/^warn +redis-alone +2 sessions are only in Redis/m);
  });

  it.concurrent('a person may say that they are meant, and is told', async ({ onTestFinished }) => {
    const { own, other, mistaken } = await neighbours('secondary only', onTestFinished);
    const sitting = mistaken.sitDown([...everyone]);
    await sitting.shows(/Type 2 to end/);
    sitting.type('2\r');
    const done = await sitting.ended;
    expect(done).toMatchObject({ code: 0 });
    // Wherever the terminal breaks the line: a long path is broken too.
    expect(inOneLine(done.stderr).replaceAll(' ', '')).toMatch(
      new RegExp(strangers.source.replaceAll(' ', '')),
    );
    expect([await own.living(), await other.living()]).toEqual([2, 0]);
  });

  it.concurrent(
    'what is named is meant, and a gone user is no other application',
    async ({ onTestFinished }) => {
      const { own, other, mistaken } = await neighbours('secondary only', onTestFinished);
      const named = await mistaken.run(['revoke-all', '--user', other.person.id, '--yes', '--json', '-q']);
      expect(named).toMatchObject({ code: 0 });
      expect(named.stderr).toMatch(strangers);
      expect(JSON.parse(named.stdout)).toMatchObject({
        revoked: 2,
        effectiveAt: expect.any(String) as string,
      });
      expect(await other.living()).toBe(0);

      const { app, database, shape, profile } = own.deployment;
      const gone = await signUp(app, 'gone', 'gone@example.com');
      await signIn(app, gone, { ip: '192.0.2.1', userAgent: 'curl' });
      await database.query(`DELETE FROM ${shape.table('user')} WHERE email = 'gone@example.com'`);
      const right = operatorOn(database.url, profile);
      const done = await right.run(['revoke-all', '--ip', '192.0.2.1', '--yes', '--json', '-q']);
      expect(done).toMatchObject({ code: 0, stderr: '' });
      expect(JSON.parse(done.stdout)).toMatchObject({ revoked: 1, remaining: 0, mismatch: null });
    },
  );

  it.concurrent('no session table: says that rows are not to be expected', async ({ onTestFinished }) => {
    const { own, withPrefix } = await neighbours('secondary only', onTestFinished);
    const { database, space, shape } = own.deployment;
    await database.query(`DROP TABLE IF EXISTS ${shape.table('session')}`);
    const done = await withPrefix(space.prefix, { storeInDatabase: true }).run(['list']);
    expect(done).toMatchObject({ code: 5 });
    expect(done.stderr).toContain('store_in_database = false');
  });

  it.concurrent('a dry sweep counts what has expired in Redis once', async ({ onTestFinished }) => {
    const { own, withPrefix } = await neighbours('secondary only', onTestFinished);
    const { space } = own.deployment;
    const [token = ''] = own.signIns.map((each) => each.token);
    const past = new Date(Date.now() - 86_400_000).toISOString();
    const value = (await space.get(token)) ?? '';
    await space.set(token, value.replace(/"expiresAt":"[^"]+"/, `"expiresAt":"${past}"`));
    const done = await withPrefix(space.prefix).run(['sweep', '--dry-run']);
    expect(done.stdout).toMatch(/^dry run: 0 rows that had expired .+; in Redis 1 expired session\n$/);
  });

  it.concurrent('nothing that is found is no news of nobody', async ({ onTestFinished }) => {
    const { own, lost } = await neighbours('secondary only', onTestFinished);
    const says = /warning: Redis \S+ holds no session under the prefix/;
    for (const words of [
      ['list'],
      ['list', '-o', 'jsonl'],
      ['list', '--json'],
      ['stats'],
      ['stats', '--json'],
    ])
      expect(await lost.run([...words])).toMatchObject({
        code: 0,
        stderr: expect.stringMatching(says) as string,
      });
    const shown = await lost.run(['show', 'nobody-has-this-id']);
    expect(shown).toMatchObject({ code: 1, stderr: expect.stringMatching(says) as string });
    const right = operatorOn(own.deployment.database.url, own.deployment.profile);
    const nobody = await right.run(['list', '--ip', '198.51.100.9', '--json']);
    expect(nobody).toMatchObject({ code: 0, stderr: '' });
  });

  it.concurrent('a result claims nothing about another place', async ({ onTestFinished }) => {
    const { own, lost, withPrefix } = await neighbours('both', onTestFinished);
    // Redis, which decides, is not where the profile says.
    const text = await lost.run([...everyone, '--except-ip', '192.0.2.1', '--yes']);
    expect(text).toMatchObject({ code: 7, stdout: '' });
    expect(text.stderr).toMatch(/holds none of the 2 live sessions/);
    expect(await own.living()).toBe(2);

    const alone = withPrefix(own.deployment.space.prefix, { storeInDatabase: false });
    const refused = await alone.run([...everyone, '--yes', '--json', '-q']);
    expect(refused).toMatchObject({ code: 7, stdout: '' });
    expect(refused.stderr).toMatch(/has rows, but store_in_database is false/);
    expect(refused.stderr).toMatch(/set store_in_database = true/);
    expect(await own.living()).toBe(2);
    const json = await alone.run([...everyone, '--yes', '--json', '-q', '--allow-mismatch']);
    expect(json).toMatchObject({ code: 0 });
    const both = withPrefix(`${own.deployment.space.prefix}nobody:`, { storeInDatabase: false });
    const listed = await both.run(['list', '-q']);
    expect(listed.stderr).toMatch(/has rows[^]+; and Redis \S+ holds no session under/);
    const report = JSON.parse(json.stdout) as unknown;
    expect(report).toMatchObject({ remaining: 0, effectiveAt: expect.any(String) as string });
    expect(report).toHaveProperty('mismatch', expect.stringMatching(/has rows/));
  });
});

describeUnless(missingServer('redis') ?? missingRedisServer(), 'a Redis of another deployment', () => {
  it('another, empty Redis is not one in which nobody is signed in', async ({ onTestFinished }) => {
    const { own } = await neighbours('secondary only', onTestFinished);
    const { profile, database, space } = own.deployment;
    const empty = await startPrivateRedis();
    onTestFinished(empty.stop);
    const wrong = operatorOn(database.url, {
      ...profile,
      redis: { ...profile.redis, url: empty.address.url, keyPrefix: space.prefix },
    });
    for (const words of [everyone, ['revoke-all', '--user', own.person.id], ['limit', '--max', '1']]) {
      const done = await wrong.run([...words, '--yes', '--json', '-q']);
      expect(done, words.join(' ')).toMatchObject({ code: 7, stdout: '' });
      expect(done.stderr).toMatch(/holds no session under the prefix [^]+nothing was changed/);
      expect(done.stderr).toContain('continue with --allow-mismatch');
    }
    expect(await own.living()).toBe(2);
    const allowed = await wrong.run([...everyone, '--yes', '--json', '-q', '--allow-mismatch']);
    expect(allowed).toMatchObject({ code: 0 });

    // Where Better Auth has written, nobody may well be signed in.
    const marked = keySpaceIn(empty, space.prefix);
    await marked.set(`revoked-sessions-before-${own.person.id}`, '1');
    onTestFinished(marked.drop);
    expect(await wrong.run([...everyone, '--yes', '--json', '-q'])).toMatchObject({ code: 0 });
  });
});
