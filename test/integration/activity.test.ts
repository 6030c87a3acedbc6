import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { signIn, signUp, type SignIn } from '../support/app.ts';
import { operatorOn, type Operator } from '../support/operator.ts';
import { updateSession } from '../support/population.ts';
import type { TestProfile } from '../support/run-sessionctl.ts';
import { describeOn } from '../support/servers.ts';
import { deploy, named, type Deployment, type Shape } from '../support/shapes.ts';

const hour = 3_600_000;
const day = 24 * hour;
const client = { ip: '192.0.2.1', userAgent: 'Firefox' };

/** Columns of every encoding, and pairs of columns that differ. */
const columns: readonly {
  readonly shape: Shape;
  readonly name?: string;
  /** Changes the columns once the sessions are there. */
  readonly prepare?: readonly string[];
  readonly timeZone?: string;
}[] = [
  { shape: named('postgresql: own adapter') },
  { shape: named('postgresql: Drizzle, timestamp, snake case') },
  {
    shape: named('postgresql: own adapter'),
    name: 'updatedAt without a zone, expiresAt with one',
    prepare: [
      `ALTER TABLE session ALTER "updatedAt" TYPE timestamp USING "updatedAt" AT TIME ZONE 'Asia/Kolkata'`,
    ],
    timeZone: 'Asia/Kolkata',
  },
  {
    shape: named('postgresql: own adapter'),
    name: 'expiresAt without a zone, of an offset',
    prepare: [
      `ALTER TABLE session ALTER "expiresAt" TYPE timestamp USING "expiresAt" AT TIME ZONE INTERVAL '-08:00'`,
    ],
    timeZone: '-08:00',
  },
  { shape: named('mysql: own adapter') },
  { shape: named('mysql: Prisma, datetime(3)') },
  {
    shape: named('mysql: own adapter'),
    name: 'updatedAt as datetime, expiresAt as timestamp',
    prepare: ['ALTER TABLE session MODIFY updatedAt datetime(3) NOT NULL'],
  },
  { shape: named('sqlite: own adapter') },
  { shape: named('sqlite: Drizzle, integer seconds, usePlural') },
  { shape: named('sqlite: Prisma, text with an offset') },
  { shape: named('sqlite: Prisma, integer milliseconds') },
  {
    shape: named('sqlite: own adapter'),
    name: 'updatedAt in milliseconds, expiresAt as text',
    prepare: [
      `UPDATE session SET updatedAt = CAST(strftime('%s', updatedAt) AS integer) * 1000 + substr(updatedAt, 21, 3)`,
    ],
  },
  {
    shape: named('sqlite: Prisma, integer milliseconds'),
    name: 'updatedAt in milliseconds, expiresAt in seconds',
    prepare: ['UPDATE "Session" SET expiresAt = expiresAt / 1000'],
  },
];

/** When each was signed in and last used, in days ago. Better Auth up to 1.2.8 wrote the latter into the expiry alone. */
const uses = {
  hourly: { signedIn: 20, used: 1 / 24 },
  daily: { signedIn: 40, used: 0.9 },
  gone: { signedIn: 6, used: 6 },
  weekly: { signedIn: 30, used: 3.5 },
  new: { signedIn: 0.02, used: 0.02 },
} as const;
type Who = keyof typeof uses;
const everybody = Object.keys(uses) as Who[];
const newestFirst: readonly Who[] = ['new', 'hourly', 'daily', 'weekly', 'gone'];

describe('with a Better Auth that leaves updatedAt as it is', () => {
  for (const { shape, name, prepare = [], timeZone = 'UTC' } of columns) {
    describeOn(shape.dialect, name === undefined ? shape.name : `${shape.name}, ${name}`, () => {
      let deployment: Deployment;
      let began: number;
      const signIns = new Map<Who, SignIn>();

      beforeEach(async () => {
        deployment = await deploy(shape);
        began = Math.floor(Date.now() / 1000) * 1000;
        for (const who of everybody) {
          const person = await signUp(deployment.app, who, `${who}@example.com`);
          const own = await signIn(deployment.app, person, client);
          signIns.set(who, own);
          const { signedIn, used } = uses[who];
          await updateSession(deployment, own.token, {
            createdAt: new Date(began - signedIn * day),
            updatedAt: new Date(began - signedIn * day),
            expiresAt: new Date(began - used * day + 7 * day),
          });
        }
        for (const statement of prepare) await deployment.database.query(statement);
      });
      afterEach(async () => {
        await deployment.database.drop();
      });

      const operator = (profile: TestProfile): Operator =>
        operatorOn(deployment.database.url, { ...shape.profile, timeZone, ...profile });
      const knowing = () => operator({ expiresIn: '7d' });
      const emailsIn = async (run: Operator, ...words: readonly string[]) => {
        const { code, stdout, stderr } = await run.run(['list', '--json', ...words]);
        expect({ code, stderr }).toMatchObject({ code: 0 });
        const listed = JSON.parse(stdout) as readonly Readonly<Record<string, string>>[];
        return listed.map(({ userEmail = '' }) => userEmail.replace('@example.com', ''));
      };
      const signedIn = async () => {
        const sessions = await deployment.database.query(
          `SELECT ${shape.column('token')} AS token FROM ${shape.table('session')}`,
        );
        const tokens = new Set(sessions.map(({ token }) => token));
        return everybody.filter((who) => tokens.has(signIns.get(who)?.token));
      };
      const answers = async (who: Who) =>
        (await deployment.app.api.getSession({
          headers: { cookie: signIns.get(who)?.cookie ?? '' },
          query: { disableRefresh: true },
        })) !== null;

      it('expires_in shows who is active, in lists and in what is ended', async () => {
        const { stdout } = await knowing().run(['list', '--json']);
        const listed = JSON.parse(stdout) as readonly Readonly<Record<string, string>>[];
        for (const who of everybody)
          expect(listed.find(({ userEmail }) => userEmail === `${who}@example.com`)).toMatchObject({
            updatedAt: new Date(began - uses[who].signedIn * day).toISOString().replace(/\.\d+Z/, '.000Z'),
            lastActiveAt: new Date(began - uses[who].used * day).toISOString().replace(/\.\d+Z/, '.000Z'),
          });
        expect(await emailsIn(knowing())).toEqual(newestFirst);
        expect(await emailsIn(knowing(), '--sort', 'lastActiveAt:asc')).toEqual(newestFirst.toReversed());
        expect(await emailsIn(knowing(), '--limit', '2')).toEqual(newestFirst.slice(0, 2));
        expect(await emailsIn(knowing(), '--idle-since', '2d')).toEqual(['weekly', 'gone']);
        expect(await emailsIn(knowing(), '--active-after', '2d')).toEqual(['new', 'hourly', 'daily']);
        expect(await emailsIn(knowing(), '--active-after', '5d', '--idle-since', '2d')).toEqual(['weekly']);

        const done = await knowing().run([
          'revoke-all',
          '--idle-since',
          '2d',
          '--yes',
          '--json',
          '--max-affected',
          '9',
        ]);
        expect(done).toMatchObject({ code: 0 });
        expect(JSON.parse(done.stdout)).toMatchObject({ matched: 2, revoked: 2, remaining: 0 });
        expect(await signedIn()).toEqual(['hourly', 'daily', 'new']);
        if (prepare.length > 0) return;
        for (const who of everybody) expect(await answers(who), who).toBe(who !== 'weekly' && who !== 'gone');
      });

      it('without expires_in, options that compare activity are refused, and others are not', async () => {
        const unaware = operator({});
        for (const words of [
          ['list', '--idle-since', '2d'],
          ['list', '--active-after', '2d', '--json'],
          ['stats', '--idle-since', '2d'],
          ['limit', '--max', '1', '--idle-since', '2d', '--yes'],
          ['revoke-all', '--idle-since', '2d', '--yes'],
          ['revoke-all', '--user', 'new@example.com', '--active-after', '2d', '--yes'],
        ]) {
          const refused = await unaware.run(words);
          expect({ code: refused.code, words }).toEqual({ code: 3, words });
          expect(refused.stderr).toContain('expires_in');
        }
        expect(await signedIn()).toEqual(everybody);
        expect(await emailsIn(unaware, '--created-before', '10d', '--sort', 'createdAt:asc')).toEqual([
          'daily',
          'weekly',
          'hourly',
        ]);
      });
    });
  }
});

describe('with the Better Auth of today', () => {
  for (const { shape, name } of columns) {
    if (name !== undefined) continue;
    describeOn(shape.dialect, shape.name, () => {
      it('nothing is refused, with expires_in and without, and who is idle is the same', async () => {
        const deployment = await deploy(shape);
        try {
          const { app, database } = deployment;
          const all: SignIn[] = [];
          const signInOf = async (who: string, ageInDays: number, lengthInDays = 7) => {
            const signedIn = await signIn(app, await signUp(app, who, `${who}@example.com`), client);
            const begun = Date.now() - ageInDays * day;
            await updateSession(deployment, signedIn.token, {
              createdAt: new Date(begun),
              updatedAt: new Date(begun),
              expiresAt: new Date(begun + lengthInDays * day),
            });
            all.push(signedIn);
            return signedIn;
          };
          const refreshed = await signInOf('refreshed', 3.3);
          await signInOf('idle', 6.2);
          await signInOf('fresh', 0.1);
          // As without "remember me".
          await signInOf('brief', 0.4, 1);
          const again = await app.api.getSession({ headers: { cookie: refreshed.cookie } });
          expect(again?.session.updatedAt.getTime()).toBeGreaterThan(Date.now() - hour);

          for (const profile of [{}, { expiresIn: '7d' }]) {
            const operator = operatorOn(database.url, { ...shape.profile, timeZone: 'UTC', ...profile });
            const idle = await operator.run(['list', '--idle-since', '2d', '--json']);
            expect(idle).toMatchObject({ code: 0 });
            expect(JSON.parse(idle.stdout)).toMatchObject([{ userEmail: 'idle@example.com' }]);
            const active = await operator.run(['list', '--active-after', '2d', '--json']);
            expect(JSON.parse(active.stdout)).toMatchObject([
              { userEmail: 'refreshed@example.com' },
              { userEmail: 'fresh@example.com' },
              { userEmail: 'brief@example.com' },
            ]);
          }
          const operator = operatorOn(database.url, { ...shape.profile, timeZone: 'UTC' });
          const ended = await operator.run(['revoke-all', '--idle-since', '2d', '--yes', '--json']);
          expect(ended).toMatchObject({ code: 0 });
          const answers = await Promise.all(
            all.map(({ cookie }) =>
              app.api.getSession({ headers: { cookie }, query: { disableRefresh: true } }),
            ),
          );
          expect(answers.map((answer) => answer?.user.name)).toEqual([
            'refreshed',
            undefined,
            'fresh',
            'brief',
          ]);
        } finally {
          await deployment.database.drop();
        }
      });
    });
  }
});
