import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { everySession, signIn, signUp, type App, type Person, type SignIn } from '../support/app.ts';
import { literal, type TestDatabase } from '../support/databases.ts';
import { inZone } from '../support/in-zone.ts';
import { operatorOn, secretsOf, type Operator } from '../support/operator.ts';
import { describeOn, type Dialect } from '../support/servers.ts';
import { deploy, named, plainShape, type Deployment, type Shape } from '../support/shapes.ts';

const hour = 3_600_000;

interface Clock {
  readonly name: string;
  readonly dialect: Dialect;
  readonly shape: Shape;
  /** Of the application; sessionctl is not told. */
  readonly zone: string;
  readonly prepare: readonly string[];
}

const localMysql: Shape = { ...named('mysql: own adapter'), databaseOptions: { mysqlTimeZone: 'local' } };
const times = ['expiresAt', 'createdAt', 'updatedAt'];

const misread: readonly Clock[] = ['Asia/Kolkata', 'America/New_York'].flatMap((zone): readonly Clock[] => [
  { name: `mysql: timestamp(3) in ${zone}`, dialect: 'mysql', shape: localMysql, zone, prepare: [] },
  {
    name: `mysql: datetime(3) in ${zone}`,
    dialect: 'mysql',
    shape: localMysql,
    zone,
    prepare: times.map((column) => `ALTER TABLE session MODIFY ${column} datetime(3) NOT NULL`),
  },
  {
    name: `postgresql: timestamp without time zone in ${zone}`,
    dialect: 'postgresql',
    shape: named('postgresql: own adapter'),
    zone,
    prepare: times.map((column) => `ALTER TABLE session ALTER "${column}" TYPE timestamp`),
  },
]);
const wellRead = (['postgresql', 'mysql', 'sqlite'] as const).map((dialect): Clock => ({
  name: `${dialect}: read right`,
  dialect,
  shape: plainShape(dialect),
  zone: 'UTC',
  prepare: [],
}));

describe('an application whose clock sessionctl was not told', () => {
  for (const { name, dialect, shape, zone, prepare } of [...misread, ...wellRead]) {
    describeOn(dialect, name, () => {
      let database: TestDatabase;
      let app: App;
      let operator: Operator;
      let ada: Person;
      let grace: Person;
      /** Two of Ada's, one of Grace's, all of them alive; and Ada's that has expired. */
      let signIns: readonly SignIn[];
      const secrets: string[] = [];
      const client = { ip: '192.0.2.1', userAgent: 'Firefox' };

      const enter = (person: Person) =>
        inZone(zone, async () => {
          const signedIn = await signIn(app, person, client);
          secrets.push(...secretsOf(signedIn));
          return signedIn;
        });
      const areIn = (some: readonly SignIn[]) =>
        inZone(zone, () =>
          Promise.all(
            some.map(async ({ cookie }) => {
              const query = { disableRefresh: true };
              return (await app.api.getSession({ headers: { cookie }, query })) !== null;
            }),
          ),
        );
      const sessionsOf = (...people: readonly Person[]) =>
        inZone(zone, () =>
          everySession(
            app,
            people.map(({ id }) => id),
          ),
        );

      beforeAll(async () => {
        await inZone(zone, async () => {
          const deployment = await deploy(shape);
          ({ database, app } = deployment);
          for (const statement of prepare) await database.query(statement);
          ada = await signUp(app, 'Ada', 'ada@example.com');
          grace = await signUp(app, 'Grace', 'grace@example.com');
        });
        operator = operatorOn(database.url);
      });
      beforeEach(async () => {
        await database.query('DELETE FROM session');
        signIns = [await enter(ada), await enter(ada), await enter(grace), await enter(ada)];
        await inZone(zone, async () => {
          const { internalAdapter } = await app.$context;
          // An hour to either side, which a misread clock turns around.
          const [, soonOver, , over] = signIns;
          const set = (one: SignIn | undefined, expiry: number) =>
            internalAdapter.updateSession(one?.token ?? '', { expiresAt: new Date(Date.now() + expiry) });
          await set(soonOver, hour);
          await set(over, -hour);
        });
      });
      afterEach(() => {
        expect(new Date().getTimezoneOffset()).toBe(0);
      });
      afterAll(async () => {
        await database.drop();
      });

      const reported = async (...words: readonly string[]): Promise<unknown> => {
        const ran = await operator.run([...words, '--json']);
        expect(ran.code, ran.stderr).toBe(0);
        return JSON.parse(ran.stdout);
      };

      it('--everyone ends all that there is, whatever it seems to be', async () => {
        expect(await areIn(signIns.slice(0, 3))).toEqual([true, true, true]);
        expect(await reported('revoke-all', '--everyone', '--yes')).toMatchObject({
          matched: 4,
          revoked: 4,
          users: 2,
          remaining: 0,
          arrivedLater: 0,
        });
        expect(await areIn(signIns)).toEqual([false, false, false, false]);
        expect(await sessionsOf(ada, grace)).toEqual([]);
      });

      it('--user ends all of theirs, and nobody else’s', async () => {
        expect(await reported('revoke-all', '--user', 'ada@example.com', '--yes')).toMatchObject({
          matched: 3,
          revoked: 3,
          users: 1,
          remaining: 0,
          arrivedLater: 0,
        });
        expect(await areIn(signIns)).toEqual([false, false, true, false]);
        expect(await sessionsOf(ada)).toEqual([]);
      });

      /** Others sign in while the question is on the screen. */
      const meanwhile = async (...words: readonly string[]) => {
        const sitting = operator.sitDown(['revoke-all', ...words, '--json']);
        await sitting.shows(words.includes('--everyone') ? /Type 4/ : /End these 3 sessions\?/);
        // Columns know milliseconds: whoever comes within the same one cannot be told from those before.
        await wait(5);
        const later = [await enter(ada), await enter(grace), await enter(ada)];
        return { sitting, later };
      };
      const outcomeOf = async (sitting: { readonly ended: Promise<{ code: number; stdout: string }> }) => {
        const { code, stdout } = await sitting.ended;
        expect(code).toBe(0);
        return JSON.parse(stdout) as unknown;
      };

      it('whoever signs in after the plan is not meant, and counted', async () => {
        const { sitting, later } = await meanwhile('--user', 'ada@example.com');
        sitting.type('y\r');
        expect(await outcomeOf(sitting)).toMatchObject({
          matched: 3,
          revoked: 3,
          remaining: 0,
          arrivedLater: 2,
        });
        expect(await areIn([...signIns, ...later])).toEqual([false, false, true, false, true, true, true]);
      });

      it('nor with --everyone, where the number is typed', async () => {
        const { sitting, later } = await meanwhile('--everyone');
        sitting.type('4\r');
        expect(await outcomeOf(sitting)).toMatchObject({
          matched: 4,
          revoked: 4,
          remaining: 0,
          arrivedLater: 3,
        });
        expect(await areIn([...signIns, ...later])).toEqual([false, false, false, false, true, true, true]);
      });

      it('who is found by name again later is the same as before', async () => {
        const { sitting, later } = await meanwhile('--user', 'ada@example.com');
        sitting.type('n\r');
        expect(await sitting.ended).toMatchObject({ code: 130 });
        expect(await areIn([...signIns.slice(0, 3), ...later])).toEqual(Array(6).fill(true));
      });

      it('--until-quiet goes on with them, and with whoever comes while it waits', async () => {
        const { sitting, later } = await meanwhile('--user', 'ada@example.com', '--until-quiet');
        sitting.type('y\r');
        await wait(400);
        const latest = await enter(ada);
        expect(await outcomeOf(sitting)).toMatchObject({
          matched: 6,
          revoked: 6,
          remaining: 0,
          arrivedLater: 0,
        });
        expect(await areIn([...signIns, ...later, latest])).toEqual([
          false, false, true, false, false, true, false, false,
        ]); // prettier-ignore
      });

      it('and no token is seen', () => {
        expect(operator.sawAny(secrets)).toEqual([]);
        expect(operator.history().length).toBeGreaterThan(8);
      });
    });
  }
});

const rows = 240;

describe('a value of another encoding, in the midst of an SQLite column', () => {
  let deployment: Deployment;
  let operator: Operator;
  let signedIn: SignIn;
  let person: Person;
  const secrets: string[] = [];
  const shape = named('sqlite: Drizzle, integer milliseconds, snake case');
  /** The id of the row that holds it. */
  const strange = 'strange-row-120';

  beforeAll(async () => {
    deployment = await deploy(shape);
    person = await signUp(deployment.app, 'Ada', 'ada@example.com');
    operator = operatorOn(deployment.database.url);
  });
  beforeEach(async () => {
    const { database, app } = deployment;
    await database.query('DELETE FROM session');
    signedIn = await signIn(app, person, { ip: '192.0.2.1', userAgent: 'Firefox' });
    secrets.push(...secretsOf(signedIn));
    // Beyond the rows by which an encoding is recognised, the oldest and the newest ones.
    const now = Date.now();
    await database.query('BEGIN');
    for (let index = 0; index < rows; index += 1) {
      const id = index === 120 ? strange : `row-${String(index)}-of-many`;
      const at = now - (rows - index) * 60_000;
      const values = [id, `token-${String(index)}`, person.id, now + 24 * hour, at, at].map((value) =>
        literal('sqlite', value),
      );
      await database.query(
        `INSERT INTO session (id, token, user_id, expires_at, created_at, updated_at) VALUES (${values.join(', ')})`,
      );
    }
    await database.query('COMMIT');
  });
  afterAll(async () => {
    await deployment.database.drop();
  });

  const set = (column: string, value: string) =>
    deployment.database.query(`UPDATE session SET ${column} = ${value} WHERE id = '${strange}'`);
  const isIn = async ({ cookie }: SignIn) =>
    (await deployment.app.api.getSession({ headers: { cookie } })) !== null;
  const values: Readonly<Record<string, string>> = {
    'text that is no time': `'never'`,
    'ISO text': `'2026-11-23T10:00:00.000Z'`,
    seconds: '1795000000',
    'what the database calls the present': 'current_timestamp',
    'a year beyond those of JavaScript': '8640000000000001',
    'nothing but an empty text': `''`,
    bytes: `x'00ff'`,
    'a negative number': '-5',
  };
  const comparing: Readonly<Record<string, readonly (readonly string[])[]>> = {
    expires_at: [['--expires-after', '1h'], ['--expires-before', new Date(Date.now() + 1000 * hour).toISOString()]],
    created_at: [['--created-before', '1s'], ['--created-after', '10d']],
    updated_at: [['--idle-since', '1s'], ['--active-after', '10d']],
  }; // prettier-ignore
  const leftIds = async () =>
    (await deployment.database.query('SELECT id FROM session')).map((row) => row['id']);

  for (const [column, selections] of Object.entries(comparing)) {
    for (const [what, value] of Object.entries(values)) {
      it(`${what} in ${column} keeps its session, which is counted, and no other`, async () => {
        await set(column, value);
        const [plan, act] = selections;
        const planned = await operator.run(['revoke-all', ...(plan ?? []), '--dry-run']);
        expect(planned.code, planned.stderr).toBe(0);
        expect(planned.stdout).toContain('1 more session may match and is left alone');
        const listed = await operator.run(['list', ...(plan ?? []), '-o', 'ids']);
        expect(listed.stdout.split('\n')).not.toContain(strange);
        expect(listed.stderr).toContain('1 more session may match');

        const ended = await operator.run([
          'revoke-all',
          ...(act ?? []),
          '--yes',
          '--max-affected',
          '500',
          '--json',
        ]);
        expect(ended.code, ended.stderr).toBe(6);
        expect(JSON.parse(ended.stdout)).toMatchObject({ remaining: 0, unreadableTimes: 1 });
        expect(await leftIds()).toEqual([strange]);
      });

      it(`${what} in ${column} is no hindrance where nothing is compared`, async () => {
        await set(column, value);
        const all = await operator.run(['revoke-all', '--everyone', '--yes', '--json']);
        expect(all.code, all.stderr).toBe(0);
        expect(JSON.parse(all.stdout)).toMatchObject({ matched: rows + 1, revoked: rows + 1, remaining: 0 });
        expect(await deployment.database.query('SELECT id FROM session')).toEqual([]);
        expect(await isIn(signedIn)).toBe(false);
      });

      it(`${what} in ${column} does not keep its own session from being named`, async () => {
        await set(column, value);
        const one = await operator.run(['revoke', strange, '--yes', '--json']);
        expect(one.code, one.stderr).toBe(0);
        expect(JSON.parse(one.stdout)).toMatchObject({ matched: 1, revoked: 1, remaining: 0 });
        expect(await deployment.database.query('SELECT id FROM session')).toHaveLength(rows);
      });
    }

    it(`a selection of ${column} has nothing to count where that session is excepted`, async () => {
      await set(column, `'never'`);
      for (const words of selections) {
        const ran = await operator.run([
          'revoke-all',
          ...words,
          '--except-session',
          strange,
          '--dry-run',
          '--json',
        ]);
        expect(ran.code, `${words.join(' ')}: ${ran.stderr}`).toBe(0);
        expect(JSON.parse(ran.stdout)).toMatchObject({ unreadableTimes: 0 });
      }
    });
  }

  it('and no token is seen', () => {
    expect(operator.sawAny(secrets)).toEqual([]);
  });
});
