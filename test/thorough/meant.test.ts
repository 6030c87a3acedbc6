import { describe, expect, it } from 'vitest';
import { makeAccount } from '../support/account.ts';
import { signIn, signUp } from '../support/app.ts';
import { literal, type TestDatabase } from '../support/databases.ts';
import { operatorOn } from '../support/operator.ts';
import { areIn, signedInThrice, type SignedIn } from '../support/signed-in.ts';
import { describeOn, type Dialect } from '../support/servers.ts';
import { plainShape } from '../support/shapes.ts';
import { runInTerminal } from '../support/terminal.ts';

const dialects: readonly Dialect[] = ['postgresql', 'mysql', 'sqlite'];

/** Lets a trigger before every deletion of a session raise an error with its token. */
async function raiseToken(database: TestDatabase): Promise<void> {
  const { dialect } = database;
  const query = (sql: string) => database.query(sql);
  if (dialect === 'postgresql') {
    await query(
      `CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no: %', OLD.token; END $$`,
    );
    await query('CREATE TRIGGER no BEFORE DELETE ON session FOR EACH ROW EXECUTE FUNCTION no()');
  } else if (dialect === 'mysql') {
    await query(
      `CREATE TRIGGER no BEFORE DELETE ON session FOR EACH ROW
       BEGIN DECLARE said varchar(128); SET said = CONCAT('no: ', OLD.token); SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = said; END`,
    );
  } else {
    await query(
      `CREATE TRIGGER no BEFORE DELETE ON session BEGIN SELECT RAISE(ABORT, 'no: ' || OLD.token); END`,
    );
  }
}

describe.each(dialects)('only what was meant, on %s', (dialect) => {
  describeOn(dialect, dialect, () => {
    const scene = () => signedInThrice(plainShape(dialect));
    const rename = ({ deployment: { database, shape } }: SignedIn, from: string | undefined, to: string) =>
      database.query(
        `UPDATE ${shape.table('session')} SET id = ${literal(dialect, to)} WHERE id = ${literal(dialect, from ?? '')}`,
      );

    it('a session that comes to match while the question is open is left alone, and counted', async () => {
      const there = await scene();
      const { app, database, shape } = there.deployment;
      const grace = await signUp(app, 'Grace', 'grace@example.com');
      const later = await signIn(app, grace, { ip: '192.0.2.9', userAgent: 'curl/8' });
      const sitting = there.operator.sitDown(['revoke-all', '--user-agent', 'firefox', '--json']);
      await sitting.shows(/End these 3 sessions\?/);
      await database.query(
        `UPDATE ${shape.table('session')} SET ${shape.column('userAgent')} = 'Firefox too' WHERE token = ${literal(dialect, later.token)}`,
      );
      sitting.type('y\r');
      const { code, stdout } = await sitting.ended;
      expect(code).toBe(0);
      expect(JSON.parse(stdout)).toMatchObject({ matched: 3, revoked: 3, remaining: 0, arrivedLater: 1 });
      expect(await areIn(there)).toEqual([false, false, false]);
      expect(await app.api.getSession({ headers: { cookie: later.cookie } })).not.toBeNull();
    });

    it('a session that no longer matches when the answer comes is left alone', async () => {
      const there = await scene();
      const { database, shape } = there.deployment;
      const sitting = there.operator.sitDown(['revoke-all', '--user-agent', 'firefox', '--json']);
      await sitting.shows(/End these 3 sessions\?/);
      await database.query(
        `UPDATE ${shape.table('session')} SET ${shape.column('userAgent')} = 'curl' WHERE id = ${literal(dialect, there.stubborn)}`,
      );
      sitting.type('y\r');
      const { code, stdout } = await sitting.ended;
      expect(code).toBe(0);
      expect(JSON.parse(stdout)).toMatchObject({ matched: 3, revoked: 2, remaining: 0, noLongerMatch: 1 });
      expect(await areIn(there)).toEqual([false, true, false]);
    });

    it('an id that is gone does not stand for a longer one, where nobody is asked', async () => {
      const there = await scene();
      await rename(there, there.ids[0], '12345678');
      await rename(there, there.ids[1], '123456789');
      expect(await there.operator.run(['revoke', '12345678', '--yes'])).toMatchObject({ code: 0 });
      const again = await there.operator.run(['revoke', '12345678', '--yes']);
      expect(again.code, again.stderr).toBe(2);
      expect(again.stderr).toMatch(/a prefix of one that is only a little longer: 123456789/);
      const fromStdin = await there.operator.run(['revoke', '-', '--yes'], { stdin: '12345678\n' });
      expect(fromStdin.code, fromStdin.stderr).toBe(1);
      expect(await areIn(there)).toEqual([false, true, true]);
    });

    it('a short beginning of a long id will do, and what it is short for is said', async () => {
      const there = await scene();
      const ran = await there.operator.run(['revoke', there.stubborn.slice(0, 8), '--yes']);
      expect(ran.code, ran.stderr).toBe(0);
      expect(ran.stderr).toContain(`${there.stubborn.slice(0, 8)} is short for ${there.stubborn}`);
      expect(await areIn(there)).toEqual([true, false, true]);
    });

    it('a token that an error of the database holds is not shown, nor kept', async () => {
      const there = await scene();
      await raiseToken(there.deployment.database);
      for (const more of [[], ['--json'], ['--verbose']]) {
        const ran = await there.operator.run(['revoke', there.stubborn, '--yes', ...more]);
        expect(ran.code, ran.stderr).toBe(4);
        expect(ran.stderr.replace(/\s+/g, ' ')).toMatch(
          /(?:the function no\(\)|a trigger or other code inside of the database) raised an error/,
        );
      }
      expect(there.operator.history().at(-1)).toMatchObject({ outcome: 'failed' });
      expect(await areIn(there)).toEqual([true, true, true]);
      // That no token was seen is looked at after every test.
    });

    it('leaked tokens in forms of all kinds are found', async () => {
      const there = await scene();
      const [first, second, third] = there.signIns.map(({ token }) => token);
      const lines = [
        `{"token":"${first ?? ''}","expires":"2026-12-01"}`,
        `GET https://app.example.com/?x=1&token=${second ?? ''} 200`,
        `${third ?? ''}.c3VmZml4`,
        'nothing of that kind',
      ];
      const ran = await there.operator.run(['revoke', '--token-stdin', '--yes'], { stdin: lines.join('\n') });
      expect(ran.code, ran.stderr).toBe(1);
      expect(ran.stderr).toMatch(/not found: line 4 \(not a token\)/);
      expect(await areIn(there)).toEqual([false, false, false]);
    });

    it('input that holds no token at all is named, also where what is missing is ignored', async () => {
      const { operator } = await scene();
      const ignoring = ['revoke', '--token-stdin', '--yes', '--ignore-missing'];
      const said = 'error: the input holds no token\n';
      const rubbish = await operator.run(ignoring, { stdin: 'hello world\n12 + 7\nrubbish\n' });
      expect(rubbish.code, rubbish.stderr).toBe(1);
      expect(rubbish.stderr).toContain(said);
      const gone = await operator.run(ignoring, { stdin: `hello\n${'gone'.repeat(8)}\n` });
      expect([gone.code, gone.stderr.includes(said)]).toEqual([0, false]);
      expect(gone.stderr).toContain(
        'Assumed already ended, since no session has this id or token: line 1 (not a token)',
      );
      const named = await operator.run(['revoke', '--token-stdin', '--yes'], { stdin: 'gone'.repeat(8) });
      expect(named.code).toBe(1);
      expect(named.stderr).toMatch(/^hint: The session of such a token has ended, or /m);
    });

    it('what cannot be the id of an ended session is no such session, where what is missing is ignored', async () => {
      const there = await scene();
      const { operator, stubborn, signIns } = there;
      const token = signIns[1]?.token ?? '';
      const email = 'ada@example.com';
      for (const [word, said] of [
        [token, 'argument 1 (a token; see --token-stdin)'],
        [email, 'argument 1 (a user; see --user, or revoke-all --user)'],
        ['nobody@example.com', 'argument 1 (not an id)'],
        [stubborn.slice(0, 5), `${stubborn.slice(0, 5)} (a prefix needs 8 characters)`],
      ] as const) {
        const ran = await operator.run(['revoke', word, '--yes', '--ignore-missing']);
        expect(ran.code, word).toBe(1);
        expect(ran.stderr).toContain(`error: not found: ${said}`);
        expect(ran.stderr).not.toContain(token);
      }
      const piped = await operator.run(['revoke', '-', '--yes', '--ignore-missing'], {
        stdin: `"${stubborn}"\n`,
      });
      expect([piped.code, piped.stderr]).toEqual([1, expect.stringContaining('line 1 of stdin (not an id)')]);
      const asToken = await operator.run(['revoke', '--token-stdin', '--yes', '--ignore-missing'], {
        stdin: stubborn,
      });
      expect(asToken.code).toBe(1);
      expect(asToken.stderr).toContain('line 1 (the id of a session; remove --token-stdin)');
      const gone = await operator.run(['revoke', 'gone'.repeat(8), '--yes', '--ignore-missing']);
      expect(gone.code, gone.stderr).toBe(0);
      expect(gone.stderr).toContain(
        `there is nothing to end. Assumed already ended, since no session has this id or token: ${'gone'.repeat(8)}.`,
      );
      expect(await areIn(there)).toEqual([true, true, true]);
    });

    it('an answer of no is no error, and changes nothing', async () => {
      const there = await scene();
      const { operator, stubborn } = there;
      const json = '{"error":{"code":"cancelled","message":"cancelled, nothing was changed","hint":null}}';
      for (const [words, said] of [
        [[], 'cancelled, nothing was changed'],
        [['--json'], json],
      ] as const) {
        const { env } = operator;
        const terminal = runInTerminal([...operator.where, 'revoke', stubborn, ...words], {
          columns: 120,
          env,
        });
        await terminal.shows(/End this session\?/);
        terminal.type('n\r');
        const { code, screen } = await terminal.ended;
        expect(code).toBe(130);
        expect(screen.lines.filter((line) => line.trim() !== '').at(-1)).toBe(said);
      }
      expect(await areIn(there)).toEqual([true, true, true]);
    });

    it('thousands of ids that are gone are answered together', async () => {
      const there = await scene();
      const gone = Array.from({ length: 20_000 }, (_, n) => `gone-${String(n)}`);
      const ran = await there.operator.run(['revoke', '-', '--yes', '--ignore-missing'], {
        stdin: [...gone, there.stubborn].join('\n'),
      });
      expect(ran.code, ran.stderr).toBe(0);
      expect(await areIn(there)).toEqual([true, false, true]);
    });

    it('a report that cannot be written does not hide what was ended', async () => {
      const there = await scene();
      const noRoom = { stdoutClosesAfter: 0, stdoutError: 'ENOSPC' } as const;
      const ran = await there.operator.run(['revoke', there.stubborn, '--yes'], noRoom);
      expect(ran.code, ran.stderr).toBe(1);
      expect(ran.stderr.replace(/\s+/g, ' ')).toMatch(/1 session had been ended before that, 0 left/);
      expect(await areIn(there)).toEqual([true, false, true]);
    });

    it('a dry run says when --max-affected would refuse', async () => {
      const there = await scene();
      const ran = await there.operator.run(['revoke-all', '--everyone', '--max-affected', '2', '--dry-run']);
      expect(ran.code).toBe(0);
      expect(ran.stderr.replace(/\s+/g, ' ')).toMatch(/3 sessions match, and --max-affected allows 2/);
    });
  });
});

describe('row-level security', () => {
  describeOn('postgresql', 'postgresql', () => {
    it('that may hide sessions from the account ends nothing, and hides none where a policy shows all', async () => {
      const there = await signedInThrice(plainShape('postgresql'));
      const { database } = there.deployment;
      await using account = await makeAccount(database);
      await account.grant('DELETE', 'session');
      await database.query('ALTER TABLE session ENABLE ROW LEVEL SECURITY');
      const operator = operatorOn(account.url);
      const ran = await operator.run(['revoke-all', '--everyone', '--yes', '-q']);
      expect(ran.code, ran.stderr).toBe(4);
      expect(ran.stderr).toMatch(/error: row-level security may hide sessions.*stay valid, unseen/);
      const asOwner = await there.operator.run(['revoke-all', '--everyone', '--dry-run']);
      expect(asOwner.stdout).toContain('3 sessions');
      expect(asOwner.stdout + asOwner.stderr).not.toMatch(/row-level/);
      expect(await areIn(there)).toEqual([true, true, true]);

      await database.query('CREATE POLICY half ON session USING (id < chr(90))');
      expect(await operator.run(['revoke-all', '--everyone', '--yes'])).toMatchObject({ code: 4 });
      await database.query('CREATE POLICY everything ON session USING (true)');
      expect(await operator.run(['revoke-all', '--everyone', '--yes'])).toMatchObject({ code: 0 });
      expect(await areIn(there)).toEqual([false, false, false]);
    });
  });
});

describe('times without a zone', () => {
  describeOn('mysql', 'mysql', () => {
    it('select nothing unseen, where no session confirms the zone that is assumed', async () => {
      const there = await signedInThrice(plainShape('mysql'));
      const { operator, deployment, ids } = there;
      const words = ['revoke-all', '--created-after', '12h', '--yes'];
      await deployment.database.query(
        'UPDATE session SET createdAt = createdAt - INTERVAL 5 HOUR, updatedAt = updatedAt - INTERVAL 5 HOUR',
      );
      const refused = await operator.run(words);
      expect(refused.code, refused.stderr).toBe(3);
      expect(refused.stderr).toMatch(/without a zone/);
      expect(await areIn(there)).toEqual([true, true, true]);
      await deployment.database.query(`UPDATE session SET updatedAt = now() WHERE id = '${ids[0] ?? ''}'`);
      expect((await operator.run(words)).code).toBe(0);
      expect(await areIn(there)).toEqual([false, false, false]);
    });
  });
});
