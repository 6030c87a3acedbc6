import { expect, it, onTestFinished } from 'vitest';
import { fingerprint, signIn, signUp } from '../../support/app.ts';
import { operatorOn, type Operator } from '../../support/operator.ts';
import { deploySecondary, standingOf, type Mode } from '../../support/secondary.ts';
import { describeOnRedis } from '../../support/servers.ts';

const client = { ip: '192.0.2.1', userAgent: 'Firefox' };

interface Value {
  readonly session: Readonly<Record<string, unknown>>;
  readonly user: object;
}

interface Listed {
  readonly id: string;
  readonly store: string;
  readonly tokenFingerprint: string;
}

/** Ada's two sessions, with the values of an early release in Redis. */
async function deployEarly(mode: Mode, early: (value: Value) => object) {
  const deployment = await deploySecondary({ dialect: 'sqlite', mode, storage: 'official' });
  onTestFinished(deployment.drop);
  const { app, database, profile, space } = deployment;
  const ada = await signUp(app, 'Ada', 'ada@example.com');
  const signIns = [await signIn(app, ada, client), await signIn(app, ada, client)] as const;
  for (const { token } of signIns) {
    const value = JSON.parse((await space.get(token)) ?? '') as Value;
    await space.set(token, JSON.stringify(early(value)), 3600);
  }
  return { deployment, ada, signIns, operator: operatorOn(database.url, profile) };
}

/** The session of a value, as it is where Better Auth gives it no id. JSON leaves out what is undefined. */
const nameless = ({ session }: Value) => ({ ...session, id: undefined });

describeOnRedis('sessions in Redis alone, as early releases write them', () => {
  /** As Better Auth 1.0 makes them: most have a `-` or a `_`. */
  const earlyToken = 'UB_MBIF-t1Dpx8K0aXTuCc-5EqmC4gx_';

  it('are found whatever their tokens look like and whatever stands in front', async () => {
    const { deployment, signIns, operator } = await deployEarly('secondary only', (value) => ({
      user: value.user,
      session: nameless(value),
    }));
    const { space } = deployment;
    const value = JSON.parse((await space.get(signIns[0].token)) ?? '') as Value;
    const moved = { ...value, session: { ...value.session, token: earlyToken } };
    await space.set(earlyToken, JSON.stringify(moved), 3600);
    // Another application's begins as they do.
    const foreign = JSON.stringify({ user: { session: 'none' } });
    await space.set('of another application', foreign, 3600);
    const tokens = [...signIns.map(({ token }) => token), earlyToken];
    const held = async () => {
      const values = await Promise.all(tokens.map((token) => space.get(token)));
      return tokens.filter((_, at) => values[at] !== null);
    };

    // They have no id, and the fingerprint of the token stands for it.
    const fingerprints = tokens.map(fingerprint).sort();
    const listed = await list(operator);
    expect(listed.map(({ tokenFingerprint }) => tokenFingerprint).sort()).toEqual(fingerprints);
    expect(listed.map(({ id }) => id).sort()).toEqual(fingerprints);

    expect((await operator.run(['revoke', fingerprint(earlyToken), '--yes'])).code).toBe(0);
    expect(await held()).toEqual(tokens.slice(0, 2));
    expect((await operator.run(['revoke-all', '--ip', client.ip, '--yes'])).code).toBe(0);
    expect(await held()).toEqual([]);
    expect(await space.get('of another application')).toBe(foreign);
  });
});

describeOnRedis(
  'sessions in both places whose values in Redis have no id, as Better Auth 1.4 writes them',
  () => {
    const ways: readonly (readonly [string, (id: string) => readonly string[]])[] = [
      ['by id', (id) => ['revoke', id]],
      ['by its token', () => ['revoke', '--token-stdin']],
      ['by what it is', (id) => ['revoke-all', '--ip', client.ip, '--except-session', id]],
      ['beyond a limit', () => ['limit', '--max', '1']],
    ];
    it.each(ways)('are one session each, and end in both: %s', async (_name, words) => {
      const { deployment, ada, signIns, operator } = await deployEarly('both', (value) => ({
        session: nameless(value),
        user: value.user,
      }));
      const { database, shape } = deployment;
      const rows = await database.query(`SELECT id, token FROM ${shape.table('session')}`);
      const idOf = (token: string) => String(rows.find((row) => row['token'] === token)?.['id']);
      const [first, second] = signIns;
      expect((await list(operator)).toSorted((one, other) => (one.id < other.id ? -1 : 1))).toMatchObject(
        signIns
          .map(({ token }) => ({ id: idOf(token), store: 'both', tokenFingerprint: fingerprint(token) }))
          .sort((one, other) => (one.id < other.id ? -1 : 1)),
      );

      // The second one stays, or goes.
      const id = words('')[0] === 'revoke' ? idOf(first.token) : idOf(second.token);
      const { code, stdout } = await operator.run([...words(id), '--yes', '--json'], {
        stdin: `${first.token}\n`,
      });
      expect(code).toBe(0);
      expect(JSON.parse(stdout)).toMatchObject({ matched: 1, revoked: 1, remaining: 0 });
      const standing = (await standingOf(deployment, ada, signIns)).map(
        ({ answers, inRedis, inIndex, inDatabase }) => ({ answers, inRedis, inIndex, inDatabase }),
      );
      const gone = { answers: false, inRedis: false, inIndex: false, inDatabase: false };
      const alive = { answers: true, inRedis: true, inIndex: true, inDatabase: true };
      expect(standing).toEqual([gone, alive]);
    });
  },
);

async function list(operator: Operator): Promise<readonly Listed[]> {
  const { stdout, stderr, code } = await operator.run(['list', '--json']);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return JSON.parse(stdout) as readonly Listed[];
}
