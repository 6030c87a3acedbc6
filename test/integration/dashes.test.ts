import { afterAll, beforeAll, expect, it } from 'vitest';
import { literal } from '../support/databases.ts';
import { dialects } from '../support/faults.ts';
import { operatorOn, type Operator } from '../support/operator.ts';
import { describeOn } from '../support/servers.ts';
import { deploy, plainShape, type Deployment } from '../support/shapes.ts';
import { signIn, signUp } from '../support/app.ts';

/** As nanoid makes them, and as bad as can be. */
const ids = [
  '-9jtiNIXfCs6_abc',
  '-VjtiNIXfCs6_abc',
  '-hjtiNIXfCs6_abc',
  '_3%_like_%abc-x',
  '--yes',
  '-V',
] as const;

for (const dialect of dialects) {
  describeOn(dialect, 'ids that begin with a dash', () => {
    let deployment: Deployment;
    let operator: Operator;
    let sessions: readonly string[];
    beforeAll(async () => {
      deployment = await deploy(plainShape(dialect));
      const { app, database, shape } = deployment;
      operator = operatorOn(database.url, shape.profile);
      const ada = await signUp(app, 'Ada', 'ada@example.com');
      const other = await signUp(app, 'Dash', 'dash@example.com');
      await signIn(app, other, { ip: '192.0.2.1', userAgent: 'Firefox' });
      const [kept] = await database.query(
        `SELECT ${shape.column('id')} AS id FROM ${shape.table('session')}`,
      );
      for (const id of ids) {
        const { token } = await signIn(app, ada, { ip: '192.0.2.1', userAgent: 'Firefox' });
        const set = `${shape.column('id')} = ${literal(dialect, id)}`;
        await database.query(
          `UPDATE ${shape.table('session')} SET ${set} WHERE ${shape.column('token')} = ${literal(dialect, token)}`,
        );
      }
      sessions = [...ids, String(kept?.['id'])];
    });
    afterAll(() => deployment.database.drop());

    const run = (...words: string[]) => operator.run(words);
    const listed = async (...words: string[]) =>
      (await run('list', '--state', 'all', '-o', 'ids', ...words)).stdout
        .split('\n')
        .filter((id) => id !== '')
        .sort();

    it('are shown behind --, by their beginning, too, and the error says so', async () => {
      for (const id of ids) {
        const { code, stdout, stderr } = await run('show', '--json', '--', id);
        expect(code, stderr).toBe(0);
        expect((JSON.parse(stdout) as { readonly id: string }).id).toBe(id);
      }
      expect((await run('show', '--', '-9jtiNIX')).stdout).toContain('-9jtiNIXfCs6_abc');
      for (const command of ['show', 'revoke'])
        for (const id of ids.slice(0, 3)) {
          const { code, stdout, stderr } = await run(command, id, ...(command === 'revoke' ? ['--yes'] : []));
          expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
          expect(stderr).toMatch(
            /^error: unknown option '-.*\nhint: .*Put an id that begins with - after --/,
          );
          expect(stderr).toMatch(/sessionctl (?:show|revoke) -- <id>\n$/);
        }
      const { stderr } = await run('show', '--', '--json');
      expect(stderr).toMatch(/^error: no session has the id "--json"/);
      expect(await listed()).toEqual([...sessions].sort());
    });

    it('are excepted, and end by id, by beginning and by list -o ids', async () => {
      const plan = await run(
        'revoke-all',
        '--everyone',
        '--except-session=-9jtiNIXfCs6_abc',
        '--dry-run',
        '--json',
      );
      expect(JSON.parse(plan.stdout)).toMatchObject({ matched: sessions.length - 1 });
      const excepted = await run('revoke-all', '--everyone', '--except-session=--yes', '--dry-run', '--json');
      expect(JSON.parse(excepted.stdout)).toMatchObject({ matched: sessions.length - 1 });
      const revoked = await run('revoke', '--yes', '--json', '--', '-9jtiNIX', '--yes', '-V');
      expect(JSON.parse(revoked.stdout), revoked.stderr).toMatchObject({
        revoked: 3,
        remaining: 0,
        notFound: [],
      });
      const stdin = (await run('list', '--user', 'ada@example.com', '-o', 'ids')).stdout;
      expect(stdin).toContain('-VjtiNIXfCs6_abc\n');
      const piped = await operator.run(['revoke', '-', '--yes', '--json'], { stdin });
      expect(JSON.parse(piped.stdout), piped.stderr).toMatchObject({
        revoked: 3,
        remaining: 0,
        notFound: [],
      });
      expect(await listed()).toEqual([sessions.at(-1)]);
    });
  });
}

describeOn('sqlite', 'users whose ids begin with a dash', () => {
  it('are selected, ticked, and offered in commands that can be pasted', async () => {
    const { app, database, shape } = await deploy(plainShape('sqlite'));
    const operator = operatorOn(database.url, shape.profile);
    for (const id of ['-Xc3SfkOaKI_u', '--help']) {
      const person = await signUp(app, id, `${id}@example.com`);
      await signIn(app, person, { ip: '192.0.2.1', userAgent: 'Firefox' });
      await database.query('PRAGMA foreign_keys = OFF');
      await database.query(`UPDATE session SET userId = '${id}' WHERE userId = '${person.id}'`);
      await database.query(`UPDATE user SET id = '${id}' WHERE id = '${person.id}'`);
    }
    for (const words of [['--user', '-Xc3SfkOaKI_u'], ['--user=-Xc3SfkOaKI_u'], ['--user=--help']]) {
      const { code, stdout, stderr } = await operator.run(['list', ...words, '--json']);
      expect(code, stderr).toBe(0);
      expect(JSON.parse(stdout)).toMatchObject([{ userId: words.join(' ').replace(/^--user[ =]/, '') }]);
    }
    const { shows, type, ended } = operator.sitDown(['revoke', '--user', '-Xc3SfkOaKI_u'], {
      env: { TERM: 'dumb' },
    });
    await shows(/Numbers, with spaces between:/);
    type('1\r');
    await shows(/\(y\/N\)/);
    type('y\r');
    expect((await ended).code).toBe(0);
    await database.query(`DELETE FROM user WHERE id = '--help'`);
    const doctor = await operator.run(['doctor']);
    expect(doctor.stdout).toContain('sessionctl revoke-all --user=--help');
    await database.drop();
  });
});
