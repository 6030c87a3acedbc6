import { signIn, signUp, type SignIn } from './app.ts';
import { literal } from './databases.ts';
import {
  deploySecondary,
  indexOf,
  storedTokens,
  whichAnswer,
  type SecondaryDeployment,
  type SecondaryOptions,
} from './secondary.ts';

/** A deployment with more sessions than anybody signs in to by hand, a few of which can be asked whether they live. */
export interface ManyInRedis {
  readonly deployment: SecondaryDeployment;
  /** Real sign-ins among them. */
  readonly signIns: readonly SignIn[];
  /** Signs so many in again, by the hand of the test. */
  readonly gather: () => Promise<void>;
  /** About which share of them still has its key, as a sample tells, which is cheap to ask again and again. */
  readonly share: () => Promise<number>;
  /** What is left, wherever it stands. */
  readonly left: () => Promise<{
    readonly answering: number;
    readonly inRedis: number;
    readonly rows: number;
    readonly indexed: boolean;
  }>;
}

const AT_ONCE = 500;
const SAMPLE = 200;
const lifetime = 7 * 24 * 3600;

export async function manyInRedis(options: SecondaryOptions, sessions: number): Promise<ManyInRedis> {
  const deployment = await deploySecondary(options);
  const { app, space, database, shape, mode } = deployment;
  const ada = await signUp(app, 'Ada', 'ada@example.com');
  let signIns: readonly SignIn[] = [];
  let round = 0;
  const tokenOf = (at: number) => `t${String(round)}x${String(at)}`.padEnd(32, 'T');
  const sample = Array.from({ length: SAMPLE }, (_, at) => Math.floor((at * sessions) / SAMPLE));

  const gather = async () => {
    round += 1;
    const now = new Date();
    const until = new Date(now.getTime() + lifetime * 1000);
    const made = Array.from({ length: sessions }, (_, at) => ({
      id: `session-${String(round)}-${String(at)}`,
      token: tokenOf(at),
    }));
    for (let from = 0; from < made.length; from += AT_ONCE) {
      const some = made.slice(from, from + AT_ONCE);
      const batch = space.client.pipeline();
      for (const { id, token } of some) {
        const session = {
          id,
          token,
          userId: ada.id,
          expiresAt: until.toISOString(),
          createdAt: now.toISOString(),
          updatedAt: now.toISOString(),
          ipAddress: '192.0.2.1',
          userAgent: 'Firefox',
        };
        batch.set(`${space.prefix}${token}`, JSON.stringify({ session, user: ada }), 'EX', lifetime);
      }
      await batch.exec();
      if (mode === 'secondary only') continue;
      const time = (moment: Date) =>
        database.dialect === 'mysql'
          ? moment.toISOString().replace('T', ' ').replace('Z', '')
          : moment.toISOString();
      const values = some.map(({ id, token }) =>
        [id, token, ada.id, time(until), time(now), time(now), '192.0.2.1', 'Firefox']
          .map((value) => literal(database.dialect, value))
          .join(', '),
      );
      const columns = ['id', 'token', 'userId', 'expiresAt', 'createdAt', 'updatedAt', 'ipAddress', 'userAgent']
        .map((name) => shape.column(name))
        .join(', '); // prettier-ignore
      await database.query(
        `INSERT INTO ${shape.table('session')} (${columns}) VALUES ${values.map((row) => `(${row})`).join(', ')}`,
      );
    }
    const index = made.map(({ token }) => ({ token, expiresAt: until.getTime() }));
    await space.set(indexOf(ada.id), JSON.stringify(index), lifetime);
    const client = { ip: '192.0.2.1', userAgent: 'Firefox' };
    signIns = [await signIn(app, ada, client), await signIn(app, ada, client)];
  };

  await gather();
  return {
    deployment,
    get signIns() {
      return signIns;
    },
    gather,
    share: async () =>
      (await space.client.exists(...sample.map((at) => space.prefix + tokenOf(at)))) / SAMPLE,
    async left() {
      const keys = await space.keys();
      return {
        answering: (await whichAnswer(app, signIns)).length,
        inRedis: keys.filter((key) => key.length === 32).length,
        rows: (await storedTokens(deployment)).length,
        indexed: keys.includes(indexOf(ada.id)),
      };
    },
  };
}

export const nobody = { answering: 0, inRedis: 0, rows: 0, indexed: false } as const;
