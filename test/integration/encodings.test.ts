import { afterAll, beforeAll, expect, it } from 'vitest';
import { createDatabase, type TestDatabase } from '../support/databases.ts';
import { quoteFor } from '../support/drizzle-tables.ts';
import { operatorOn, type Operator } from '../support/operator.ts';
import { describeOn } from '../support/servers.ts';
import { plainShape } from '../support/shapes.ts';

const odd = ['日本日本日本日本日本日本日本', '😀😀😀😀😀😀😀😀😀😀😀😀😀😀'];

for (const [dialect, encoding, cafe] of [
  ['postgresql', 'LATIN1', `convert_from('\\x636166e9', 'LATIN1')`],
  ['postgresql', 'SQL_ASCII', `E'caf\\xe9'`],
  ['mysql', 'latin1', `_latin1 x'636166e9'`],
  ['mysql', 'utf8mb3', `_latin1 x'636166e9'`],
] as const) {
  describeOn(dialect, `a database in ${encoding}, ${dialect}`, () => {
    let database: TestDatabase;
    let operator: Operator;
    const run = async (words: readonly string[], stdin = '') => {
      const { code, stdout, stderr } = await operator.run(words, { stdin });
      return { code, ids: stdout.trim().split('\n').filter(Boolean), stderr };
    };

    beforeAll(async () => {
      database = await createDatabase(dialect, { encoding });
      operator = operatorOn(database.url, { timeZone: 'UTC' });
      const { encode } = plainShape(dialect);
      const q = quoteFor(dialect);
      const time = dialect === 'mysql' ? 'datetime(3)' : 'timestamptz';
      const text = dialect === 'mysql' ? 'varchar(100)' : 'text';
      await database.query(`CREATE TABLE ${q('user')} (id ${text} PRIMARY KEY, email ${text})`);
      await database.query(
        `CREATE TABLE session (id ${text} PRIMARY KEY, token ${text} UNIQUE, ${q('userId')} ${text},
          ${['expiresAt', 'createdAt', 'updatedAt'].map((name) => `${q(name)} ${time}`).join(', ')}, ${q('userAgent')} ${text})`,
      );
      await database.query(`INSERT INTO ${q('user')} VALUES ('ada', 'ada@example.com')`);
      const [now, later] = [0, 1].map((days) => encode(new Date(Date.now() + days * 86_400_000)));
      for (const [id, agent] of [
        ['plain', `'Firefox'`],
        ['accented', cafe],
      ] as const) {
        await database.query(
          `INSERT INTO session VALUES ('${id}', 'token-${id}', 'ada', ${String(later)}, ${String(now)}, ${String(now)}, ${agent})`,
        );
      }
    });
    afterAll(() => database.drop());

    it('is shown whole, whatever its text is', async () => {
      expect(await run(['list', '-o', 'ids', '--sort', 'createdAt'])).toMatchObject({
        code: 0,
        ids: expect.arrayContaining(['plain', 'accented']) as unknown,
      });
      expect(await run(['list', '-o', 'ids', '--user-agent', 'CAF'])).toMatchObject({
        code: 0,
        ids: ['accented'],
      });
    });

    it('has no user and no session of a name that it cannot hold, and the others all the same', async () => {
      const tokens = [...odd, 'token-plain'].join('\n');
      const named = await run(['revoke', '--token-stdin', '--dry-run', '-q', '--json'], tokens);
      expect(named.stderr).toMatch(/not found: line 1 .*, line 2 /);
      expect(JSON.parse(named.ids.join(''))).toMatchObject({ matched: 1 });
      expect(named.code).toBe(1);
    });

    it('answers a condition that it cannot hold with nobody, or says why it cannot', async () => {
      for (const words of [
        ['list', '-o', 'ids', '--user-agent', '日本'],
        ['list', '-o', 'ids', '--user', '日本@example.com'],
        ['revoke', '日本', '--dry-run'],
      ]) {
        const { code, stderr, ids } = await run(words);
        if (encoding === 'LATIN1') {
          expect(code, stderr).toBe(4);
          expect(stderr).toContain('has an encoding that lacks a letter of a given value');
        } else expect([0, 1], stderr).toContain(code);
        expect(ids.filter((line) => /^(?:plain|accented)$/.test(line))).toEqual([]);
        expect(stderr).not.toMatch(/refused \(code|cannot compare/);
      }
    });
  });
}
