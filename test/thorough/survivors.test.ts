import { describe, expect, it } from 'vitest';
import { areIn, signedInThrice, type SignedIn } from '../support/signed-in.ts';
import { literal } from '../support/databases.ts';
import { dumpTables } from '../support/dump.ts';
import type { TestProfile } from '../support/run-sessionctl.ts';
import { describeOn, type Dialect } from '../support/servers.ts';
import { named, plainShape } from '../support/shapes.ts';

const dialects: readonly Dialect[] = ['postgresql', 'mysql', 'sqlite'];
async function refuseToDelete({ deployment: { database }, stubborn }: SignedIn): Promise<void> {
  if (database.dialect === 'sqlite') {
    await database.query(
      `CREATE TRIGGER stay BEFORE DELETE ON session WHEN OLD.id = '${stubborn}' BEGIN SELECT RAISE(IGNORE); END`,
    );
    return;
  }
  await database.query(
    `CREATE FUNCTION stay() RETURNS trigger LANGUAGE plpgsql AS
     $$ BEGIN IF OLD.id = '${stubborn}' THEN RETURN NULL; END IF; RETURN OLD; END $$`,
  );
  await database.query('CREATE TRIGGER stay BEFORE DELETE ON session FOR EACH ROW EXECUTE FUNCTION stay()');
}

describe.each(['postgresql', 'sqlite'] as const)('a row that a trigger of %s keeps', (dialect) => {
  describeOn(dialect, 'is told of', () => {
    for (const words of [
      ['revoke-all', '--user', 'ada@example.com'],
      ['revoke-all', '--everyone'],
      ['revoke', '…'],
    ]) {
      it(words.join(' '), async () => {
        const scene = await signedInThrice(plainShape(dialect));
        const { operator, ids, stubborn } = scene;
        await refuseToDelete(scene);
        const naming = (named: readonly string[]) => words.flatMap((word) => (word === '…' ? named : [word]));
        const ran = await operator.run([...naming(ids), '--yes', '--json']);
        expect(ran.code, ran.stderr).toBe(9);
        expect(ran.stderr).toContain(stubborn);
        expect(JSON.parse(ran.stdout)).toMatchObject({
          matched: 3,
          revoked: 2,
          remaining: 1,
          survivors: [stubborn],
          stoppedBecause: 'complete',
          effectiveAt: null,
        });
        expect(await areIn(scene)).toEqual([false, true, false]);
        const [started, finished, ...others] = operator.history();
        expect(started).toMatchObject({ event: 'started', matched: 3, revoked: null });
        expect(finished).toMatchObject({ event: 'finished', outcome: 'survivors', revoked: 2, remaining: 1 });
        expect(others).toEqual([]);

        const again = await operator.run([...naming([stubborn]), '--yes']);
        expect(again.code, again.stderr).toBe(9);
        expect(again.stderr.replace(/\s+/g, ' ')).toMatch(/1 session that should be gone is still/);
        expect(again.stderr).toContain(stubborn);
        expect(again.stdout).toMatch(/1 session that should be gone/);
      });
    }
  });
});

/** What a trigger does to undo the end of one session; the database counts the row as affected all the same. */
const undoings: readonly {
  readonly name: string;
  readonly dialect: Dialect;
  readonly profile?: TestProfile;
  readonly statements: (stubborn: string) => readonly string[];
}[] = [
  {
    name: 'keeps its expiry, where rows are kept as records',
    dialect: 'postgresql',
    profile: { preserveInDatabase: true, timeZone: 'UTC' },
    statements: (stubborn) => [
      `CREATE FUNCTION stay() RETURNS trigger LANGUAGE plpgsql AS
       $$ BEGIN IF OLD.id = '${stubborn}' THEN NEW."expiresAt" := OLD."expiresAt"; END IF; RETURN NEW; END $$`,
      'CREATE TRIGGER stay BEFORE UPDATE ON session FOR EACH ROW EXECUTE FUNCTION stay()',
    ],
  },
  {
    name: 'inserts it again',
    dialect: 'postgresql',
    statements: (stubborn) => [
      `CREATE FUNCTION back() RETURNS trigger LANGUAGE plpgsql AS
       $$ BEGIN IF OLD.id = '${stubborn}' THEN INSERT INTO session SELECT OLD.*; END IF; RETURN OLD; END $$`,
      'CREATE TRIGGER back AFTER DELETE ON session FOR EACH ROW EXECUTE FUNCTION back()',
    ],
  },
  {
    name: 'inserts it again',
    dialect: 'sqlite',
    statements: (stubborn) => [
      `CREATE TRIGGER back AFTER DELETE ON session WHEN OLD.id = '${stubborn}' BEGIN
         INSERT INTO session (id, "expiresAt", token, "createdAt", "updatedAt", "ipAddress", "userAgent", "userId")
         VALUES (OLD.id, OLD."expiresAt", OLD.token, OLD."createdAt", OLD."updatedAt", OLD."ipAddress", OLD."userAgent", OLD."userId");
       END`,
    ],
  },
];

describe('a session that comes back as often as it is ended', () => {
  for (const { name, dialect, profile, statements } of undoings) {
    describeOn(dialect, dialect, () => {
      it(`is told of after some attempts: a trigger ${name}`, async () => {
        const scene = await signedInThrice(plainShape(dialect), profile);
        const { deployment, operator, stubborn } = scene;
        for (const statement of statements(stubborn)) await deployment.database.query(statement);
        // Whoever goes on for ever is stopped, with another exit code.
        const signal = AbortSignal.timeout(10_000);
        const ran = await operator.run(['revoke-all', '--everyone', '--yes', '--json'], { signal });
        expect(ran.code, ran.stderr).toBe(9);
        expect(ran.stderr).toContain(stubborn);
        expect(JSON.parse(ran.stdout)).toMatchObject({ matched: 3, remaining: 1, survivors: [stubborn] });
        expect(await areIn(scene)).toEqual([false, true, false]);
      });
    });
  }
});

describe.each(dialects)('a table of the operator’s own on %s', (dialect) => {
  describeOn(dialect, 'that refers to sessions', () => {
    const refers = async ({ deployment: { database, shape }, stubborn }: SignedIn, action = '') => {
      const type = dialect === 'mysql' ? 'varchar(36)' : 'text';
      await database.query(
        `CREATE TABLE devices (name varchar(20), session_id ${type}, FOREIGN KEY (session_id) REFERENCES ${shape.table('session')} (id) ${action})`,
      );
      await database.query(`INSERT INTO devices VALUES ('laptop', ${literal(dialect, stubborn)})`);
    };

    it('and does not let go is named, and nothing is lost', async () => {
      const scene = await signedInThrice(plainShape(dialect));
      const { deployment, operator, ids, stubborn } = scene;
      await refers(scene);
      const before = await dumpTables(deployment.database);
      for (const words of [
        ['revoke-all', '--user', 'ada@example.com'],
        ['revoke-all', '--everyone'],
        ['revoke', ...ids],
      ]) {
        const ran = await operator.run([...words, '--yes', '--json']);
        expect(ran.code, ran.stderr).toBe(4);
        expect(ran.stderr).toMatch(/devices|foreign key/i);
        expect(ran.stderr).toMatch(/ended by then/);
        expect(JSON.parse(ran.stdout)).toMatchObject({
          matched: 3,
          revoked: 0,
          remaining: 3,
          stoppedBecause: 'failed',
          effectiveAt: null,
        });
        expect(await dumpTables(deployment.database)).toEqual(before);
        expect(operator.history().at(-1)).toMatchObject({
          event: 'finished',
          outcome: 'failed',
          remaining: 3,
        });
      }
      const inWords = await operator.run(['revoke-all', '--everyone', '--yes']);
      expect(inWords.code).toBe(4);
      expect(inWords.stderr.replace(/\s+/g, ' ')).toMatch(/A table of your own refers to sessions/);
      expect(await areIn(scene)).toEqual([true, true, true]);

      const others = ids.filter((id) => id !== stubborn);
      expect(await operator.run(['revoke', ...others, '--yes'])).toMatchObject({ code: 0 });
      expect(await areIn(scene)).toEqual([false, true, false]);
    });

    it('with ON DELETE CASCADE goes along, as the operator said', async () => {
      const scene = await signedInThrice(plainShape(dialect));
      await refers(scene, 'ON DELETE CASCADE');
      expect(await scene.operator.run(['revoke-all', '--everyone', '--yes'])).toMatchObject({ code: 0 });
      expect(await areIn(scene)).toEqual([false, false, false]);
      expect(await scene.deployment.database.query('SELECT * FROM devices')).toEqual([]);
    });

    it('with ON DELETE SET NULL lets go', async () => {
      const scene = await signedInThrice(plainShape(dialect));
      await refers(scene, 'ON DELETE SET NULL');
      expect(await scene.operator.run(['revoke-all', '--everyone', '--yes'])).toMatchObject({ code: 0 });
      expect(await areIn(scene)).toEqual([false, false, false]);
      const rows = await scene.deployment.database.query('SELECT name, session_id FROM devices');
      expect(rows.map((row) => ({ ...row }))).toEqual([{ name: 'laptop', session_id: null }]);
    });
  });
});

describe('the cookie cache', () => {
  it('puts off the moment from which all copies are dead', async () => {
    const profile = { cookieCacheMaxAge: '7m' };
    const { operator } = await signedInThrice(named('sqlite: own adapter'), profile);
    const planned = await operator.run(['revoke-all', '--everyone', '--dry-run']);
    const text = planned.stdout.replace(/\s+/g, ' ');
    const [, until = ''] =
      /for up to 7m afterwards: until about (\d\d:\d\d) UTC if ended now/.exec(text) ?? [];
    const minutes = [8, 7, 6].map((ago) => new Date(Date.now() + ago * 60_000).toISOString().slice(11, 16));
    expect(minutes, text).toContain(until);
    const ran = await operator.run(['revoke-all', '--everyone', '--yes', '--json']);
    const { finishedAt, effectiveAt } = JSON.parse(ran.stdout) as Readonly<Record<string, string>>;
    expect(Date.parse(effectiveAt ?? '') - Date.parse(finishedAt ?? '')).toBe(7 * 60_000);
  });
});
