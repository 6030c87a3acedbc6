import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { signIn, signUp, type SignIn } from '../support/app.ts';
import { operatorOn, secretsOf, type Operator } from '../support/operator.ts';
import { describeOn, type Dialect } from '../support/servers.ts';
import { deploy, plainShape, type Deployment } from '../support/shapes.ts';

const everyone = ['revoke-all', '--everyone', '--yes', '--quiet'] as const;

/** One session that a server refuses to let go, for one reason after the other. */
function refusingOn(dialect: Dialect) {
  let deployment: Deployment;
  let operator: Operator;
  let signedIn: SignIn;
  beforeAll(async () => {
    deployment = await deploy(plainShape(dialect));
    const ada = await signUp(deployment.app, 'Ada', 'ada@example.com');
    signedIn = await signIn(deployment.app, ada, { ip: '192.0.2.1', userAgent: 'Firefox' });
    operator = operatorOn(deployment.database.url, { timeZone: 'UTC' });
  });
  afterAll(async () => {
    const leaked = operator.sawAny(secretsOf(signedIn));
    await deployment.database.drop();
    expect(leaked).toEqual([]);
  });
  return {
    query: (sql: string) => deployment.database.query(sql),
    run: (...words: readonly string[]) => operator.run(words),
    history: () => operator.history(),
    /** Expects exit 4 with these words on one line, no talk of a defect, and the session alive. */
    async refused(words: readonly string[], message: RegExp, hint: RegExp) {
      const { code, stderr } = await operator.run(words);
      expect({ code, stderr }).toEqual({ code: 4, stderr: expect.stringMatching(message) as unknown });
      expect(stderr).toMatch(hint);
      expect(stderr).not.toMatch(/unexpected|defect|EXPLAIN|DELETE FROM/);
      const { cookie } = signedIn;
      const alive = await deployment.app.api.getSession({
        headers: { cookie },
        query: { disableRefresh: true },
      });
      expect(alive).not.toBeNull();
      return stderr;
    },
  };
}

describeOn('postgresql', 'PostgreSQL refuses', () => {
  const scene = refusingOn('postgresql');

  it('to delete from a published table without a replica identity, which doctor finds', async () => {
    const publication = `"p_${randomUUID()}"`;
    await scene.query('ALTER TABLE session DROP CONSTRAINT session_pkey');
    await scene.query(`CREATE PUBLICATION ${publication} FOR TABLE session`);
    try {
      for (const words of [everyone, ['sweep']])
        await scene.refused(words, /error: .*replica identity/, /hint: .*REPLICA IDENTITY/);
      const { stdout } = await scene.run('doctor');
      expect(stdout).toMatch(/^fail +database-privileges .*replica identity/m);
      expect(stdout).not.toContain('could not be checked');
      const dryRun = await scene.run('revoke-all', '--everyone', '--dry-run');
      expect(dryRun).toMatchObject({
        code: 0,
        stderr: expect.stringMatching(/refused: .*replica identity/) as unknown,
      });
    } finally {
      await scene.query(`DROP PUBLICATION ${publication}`);
      await scene.query('ALTER TABLE session ADD PRIMARY KEY (id)');
    }
  });

  const raising = async (body: string, work: () => Promise<unknown>) => {
    await scene.query(
      `CREATE OR REPLACE FUNCTION keep_session() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN ${body} RETURN OLD; END $$`,
    );
    await scene.query(
      'CREATE TRIGGER keeper BEFORE DELETE ON session FOR EACH ROW EXECUTE FUNCTION keep_session()',
    );
    try {
      await work();
    } finally {
      await scene.query('DROP TRIGGER keeper ON session');
    }
  };

  it('by a trigger that raises an error: its function is named, and its text is not shown', () =>
    raising(`RAISE EXCEPTION 'no: %', OLD.token;`, () =>
      scene.refused(everyone, /refuses: the function keep_session\(\) raised an error \(P0001\)/, /triggers/),
    ));

  it('with a code that is in no table', () =>
    raising('PERFORM 1 / (SELECT 0);', () =>
      scene.refused(everyone, /error: .* refused \(code 22012\)/, /hint: .*the server's log/),
    ));

  it('a constraint of another table: table and constraint are named', async () => {
    await scene.query(
      'CREATE TABLE audit (id text, session_id text CONSTRAINT audit_of_session REFERENCES session (id))',
    );
    try {
      await scene.query(`INSERT INTO audit SELECT 'a', id FROM session`);
      await scene.refused(everyone, /audit_of_session.*audit/, /ON DELETE CASCADE/);
    } finally {
      await scene.query('DROP TABLE audit');
    }
  });
});

describeOn('mysql', 'MySQL and MariaDB refuse', () => {
  const scene = refusingOn('mysql');

  it.each([
    [1175, /refuses/, /sql_safe_updates/],
    [1305, /lacks a feature/, /version/],
    [1267, /cannot compare texts/, /CONVERT TO CHARACTER SET/],
    [1021, /cannot be written/, /disk/],
    [1290, /cannot be written/, /replica/],
    [3098, /refuses/, /primary key/],
    [1047, /cannot use/, /node/],
    [1180, /refused a commit/, /node/],
    [1146, /refuses/, /migration/],
    [1449, /refuses/, /DEFINER/],
    [1366, /refused \(code ER_TRUNCATED_WRONG_VALUE_FOR_FIELD, 1366\)/, /the server's log/],
    [29_999, /refused \(code 29999\)/, /the server's log/],
  ])('with the error %i', async (number, message, hint) => {
    // What the server says in the error at hand; the number is what decides.
    await scene.query(
      `CREATE TRIGGER keeper BEFORE DELETE ON session FOR EACH ROW SIGNAL SQLSTATE 'HY000' SET MYSQL_ERRNO = ${String(number)}, MESSAGE_TEXT = 'not now'`,
    );
    try {
      await scene.refused(everyone, message, hint);
    } finally {
      await scene.query('DROP TRIGGER keeper');
    }
  });
});

/** In pieces too short for a token, as one with hyphens is. */
const HYPHENS = 'tok-en-of-some-body-else';

describeOn('postgresql', 'what a trigger says on PostgreSQL', () => {
  const scene = refusingOn('postgresql');
  it('is not shown, whatever number it takes', async () => {
    await scene.query(
      `CREATE FUNCTION says() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
         EXECUTE format('SELECT * FROM %I', '${HYPHENS}'); RETURN OLD; END $$`,
    );
    await scene.query('CREATE TRIGGER sayer BEFORE DELETE ON session FOR EACH ROW EXECUTE FUNCTION says()');
    const stderr = await scene.refused(everyone, /refuses: code 42P01\b/, /migration/);
    expect(stderr + JSON.stringify(scene.history())).not.toContain('some-body');
    await scene.query('DROP TRIGGER sayer ON session');
  });
});

describeOn('mysql', 'what a trigger says on MySQL', () => {
  const scene = refusingOn('mysql');
  it.each([1142, 1146, 1290, 1451, 1045])('is not shown, not even as error %i', async (number) => {
    await scene.query(
      `CREATE TRIGGER sayer BEFORE DELETE ON session FOR EACH ROW SIGNAL SQLSTATE 'HY000'
       SET MYSQL_ERRNO = ${String(number)}, MESSAGE_TEXT = 'it is ${HYPHENS}'`,
    );
    try {
      const { code, stderr } = await scene.run(...everyone);
      expect({ code, stderr }).toEqual({
        code: expect.any(Number) as number,
        stderr: expect.stringMatching(new RegExp(`code ER_\\w+, ${String(number)}`)) as string,
      });
      expect(stderr + JSON.stringify(scene.history())).not.toContain('some-body');
    } finally {
      await scene.query('DROP TRIGGER sayer');
    }
  });
});

describe('SQLite refuses', () => {
  const scene = refusingOn('sqlite');

  it('with a code that is in no table', async () => {
    await scene.query('CREATE TRIGGER keeper BEFORE DELETE ON session BEGIN SELECT no_such_function(); END');
    try {
      await scene.refused(everyone, /error: .* refused \(code SQLITE_ERROR\)/, /the server's log/);
    } finally {
      await scene.query('DROP TRIGGER keeper');
    }
  });
});
