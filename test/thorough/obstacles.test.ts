import { expect, it } from 'vitest';
import { makeAccount } from '../support/account.ts';
import { examine } from '../support/doctor.ts';
import { areIn, signedInThrice } from '../support/signed-in.ts';
import { describeOn, type Dialect } from '../support/servers.ts';
import { plainShape } from '../support/shapes.ts';

/** What stands in the database, and what has to name it: doctor, the plan and the end of a run. */
const obstacles: readonly {
  readonly dialect: Dialect;
  readonly name: string;
  readonly statements: readonly string[];
  readonly found: RegExp;
  readonly code: number;
  readonly said: RegExp;
}[] = [
  {
    dialect: 'postgresql',
    name: 'a rule that deletes softly',
    statements: [
      'ALTER TABLE session ADD revoked_at timestamptz',
      'CREATE RULE soft AS ON DELETE TO session DO INSTEAD UPDATE session SET revoked_at = now() WHERE id = OLD.id',
    ],
    found: /the rule soft on public\.session runs instead/,
    code: 9,
    said: /hint: In the database, the rule soft on public\.session runs instead/,
  },
  {
    dialect: 'postgresql',
    name: 'a trigger that keeps rows',
    statements: [
      'CREATE FUNCTION stay() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$',
      'CREATE TRIGGER "Stay" BEFORE DELETE ON session FOR EACH ROW EXECUTE FUNCTION stay()',
    ],
    found: /the trigger "Stay" on public\.session runs before a session ends and may keep its row/,
    code: 9,
    said: /the trigger "Stay"/,
  },
  {
    dialect: 'sqlite',
    name: 'a trigger that keeps rows',
    statements: ['CREATE TRIGGER stay BEFORE DELETE ON session BEGIN SELECT RAISE(IGNORE); END'],
    found: /the trigger stay on session runs before a session ends and may keep its row/,
    code: 9,
    said: /the trigger stay/,
  },
  ...(['postgresql', 'mysql', 'sqlite'] as const).map((dialect) => ({
    dialect,
    name: 'a foreign key without ON DELETE CASCADE',
    statements: [
      `CREATE TABLE device (name varchar(36), session_id ${dialect === 'mysql' ? 'varchar(36)' : 'text'}, CONSTRAINT device_of FOREIGN KEY (session_id) REFERENCES session (id))`,
      `INSERT INTO device SELECT 'laptop', id FROM session`,
    ],
    found:
      /the foreign key (device_of|session_id) of device refers to (public\.)?session without ON DELETE CASCADE/,
    code: 4,
    said: /refuses: .*(foreign key|FOREIGN KEY)/,
  })),
];

for (const { dialect, name, statements, found, code, said } of obstacles) {
  describeOn(dialect, dialect, () => {
    it(`${name} is found beforehand, and named at the end`, async () => {
      const scene = await signedInThrice(plainShape(dialect), { timeZone: 'UTC' });
      const { operator, deployment } = scene;
      for (const statement of statements) await deployment.database.query(statement);
      const examined = await examine(deployment.database.url);
      expect(examined.of('ending-obstacles')).toMatchObject({
        status: 'warn',
        result: expect.stringMatching(found) as unknown,
      });
      const plan = await operator.run(['revoke-all', '--everyone', '--dry-run']);
      expect(plan.stdout.replace(/\s+/g, ' ')).toMatch(found);
      const ran = await operator.run(['revoke-all', '--everyone', '--yes', '-q']);
      expect({ code: ran.code, stderr: ran.stderr }).toEqual({
        code,
        stderr: expect.stringMatching(said) as unknown,
      });
      expect(await areIn(scene)).toEqual([true, true, true]);
    });
  });
}

describeOn('postgresql', 'postgresql', () => {
  it('a right on some columns alone: doctor names the others, with a statement that gives them', async () => {
    const { deployment } = await signedInThrice(plainShape('postgresql'));
    const { database } = deployment;
    await using account = await makeAccount(database);
    await account.grant('DELETE', 'session');
    await account.revoke('SELECT', 'session');
    await account.grant(
      'SELECT (id, "userId", "expiresAt", "createdAt", "updatedAt", "ipAddress")',
      'session',
    );
    const check = (await examine(account.url)).of('database-privileges');
    expect(check).toMatchObject({
      status: 'fail',
      result: 'the account lacks SELECT (token, userAgent) on public.session',
    });
    await database.query(check.remedy?.text ?? '');
    expect((await examine(account.url)).of('database-privileges').status).toBe('ok');
  });
});
