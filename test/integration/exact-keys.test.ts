import { afterEach, beforeEach, expect, it } from 'vitest';
import { createDatabase, type TestDatabase } from '../support/databases.ts';
import { quoteFor } from '../support/drizzle-tables.ts';
import { operatorOn, type Operator } from '../support/operator.ts';
import { describeOn } from '../support/servers.ts';
import { plainShape } from '../support/shapes.ts';

const beyond = 2n ** 53n;
const [first, second, third] = [1n, 2n, 3n].map((step) => String(beyond + step)) as [string, string, string];
const everyone = ['--json', '--yes', '-q'];

/** Keys next to each other of which a number of JavaScript holds every other one only. */
for (const dialect of ['postgresql', 'mysql', 'sqlite'] as const) {
  describeOn(dialect, `whole numbers beyond 2^53 as keys, ${dialect}`, () => {
    let database: TestDatabase;
    let operator: Operator;
    const { encode } = plainShape(dialect);
    const q = quoteFor(dialect);
    const living = async () => {
      const text = dialect === 'mysql' ? 'CHAR' : 'TEXT';
      const rows = await database.query(`SELECT CAST(id AS ${text}) AS id FROM ${q('session')} ORDER BY 1`);
      return rows.map(({ id }) => String(id));
    };
    const run = async (...words: readonly string[]) => {
      const { code, stdout, stderr } = await operator.run(words);
      expect(code, stderr).toBe(0);
      return JSON.parse(stdout) as unknown;
    };

    beforeEach(async () => {
      database = await createDatabase(dialect);
      operator = operatorOn(database.url);
      const time = { postgresql: 'timestamptz', mysql: 'timestamp(3) NULL', sqlite: 'date' }[dialect];
      await database.query(`CREATE TABLE ${q('user')} (id bigint PRIMARY KEY, email varchar(255))`);
      await database.query(
        `CREATE TABLE session (id bigint PRIMARY KEY, token varchar(255) UNIQUE, ${q('userId')} bigint,
         ${['expiresAt', 'createdAt', 'updatedAt'].map((name) => `${q(name)} ${time}`).join(', ')})`,
      );
      const at = (hours: number) => encode(new Date(Date.now() + hours * 3_600_000));
      for (const id of [first, second, third]) {
        const expires = at(id === third ? -1 : 24);
        await database.query(`INSERT INTO ${q('user')} VALUES (${id}, 'ada-${id}@example.com')`);
        await database.query(
          `INSERT INTO session VALUES (${id}, 'token-${id}', ${id}, ${expires}, ${at(-2)}, ${at(-2)})`,
        );
      }
    });
    afterEach(() => database.drop());

    it('are shown as they are, and end alone', async () => {
      expect(await run('list', '--json', '--sort', 'createdAt', '--state', 'all')).toEqual(
        expect.arrayContaining(
          [first, second, third].map((id) => expect.objectContaining({ id, userId: id }) as unknown),
        ),
      );
      expect(await run('show', second, '--json')).toMatchObject({ id: second, userId: second });
      expect(await run('revoke', second, ...everyone)).toMatchObject({ revoked: 1 });
      expect(await living()).toEqual([first, third]);
    });

    it('tell users apart', async () => {
      expect(await run('revoke-all', '--user', first, ...everyone)).toMatchObject({
        revoked: 1,
        remaining: 0,
      });
      expect(await living()).toEqual([second, third]);
    });

    it('except the one that is named', async () => {
      await run('revoke-all', '--everyone', '--except-session', second, ...everyone);
      expect(await living()).toContain(second);
      expect(await living()).not.toContain(first);
    });

    it('are swept exactly', async () => {
      expect(await run('sweep', '--json', '--time-zone', 'UTC')).toMatchObject({ deleted: 1 });
      expect(await living()).toEqual([first, second]);
    });
  });
}

describeOn('sqlite', 'keys that are not what their column says, sqlite', () => {
  let database: TestDatabase;
  const columns =
    'token TEXT UNIQUE, userId TEXT, expiresAt TEXT, createdAt TEXT, updatedAt TEXT, ipAddress TEXT, userAgent TEXT';
  const { encode } = plainShape('sqlite');
  const later = encode(new Date(Date.now() + 3_600_000));
  const insert = (id: string) =>
    database.query(
      `INSERT INTO session (id, token, userId, expiresAt, createdAt, updatedAt) VALUES (${id}, 't-' || hex(${id}), 'ada', ${later}, ${later}, ${later})`,
    );

  beforeEach(async () => {
    database = await createDatabase('sqlite');
  });
  afterEach(() => database.drop());

  it.each([
    ['TEXT', `x'00ff10'`, 'blob'],
    ['STRING', `'12e45'`, 'real'],
    ['', '7', 'integer'],
    ['INTEGER', `'seven'`, 'text'],
    ['BLOB', `x'00ff10'`, 'blob'],
  ])('an id in a column of the type "%s" that is %s is refused', async (type, id, stands) => {
    await database.query(`CREATE TABLE session (id ${type} NOT NULL, ${columns})`);
    await database.query(`CREATE UNIQUE INDEX session_id ON session (id)`);
    for (const plain of type === 'INTEGER' ? ['1', '2'] : [`'abc'`, `'xyz'`]) await insert(plain);
    const operator = operatorOn(database.url);
    expect((await operator.run(['list'])).code).toBe(0);
    await insert(id);
    for (const words of [['list'], ['revoke-all', '--everyone', '--yes'], ['sweep']]) {
      const { code, stdout, stderr } = await operator.run(words);
      expect({ code, stdout }, words.join(' ')).toEqual({ code: 5, stdout: '' });
      expect(stderr).toContain(`and holds values of the type ${stands}`);
      expect(stderr).toContain('Convert the column');
    }
  });
});
