import { expect, it } from 'vitest';
import { signIn, signUp } from '../support/app.ts';
import { quoteFor } from '../support/drizzle-tables.ts';
import { runSessionctl } from '../support/run-sessionctl.ts';
import { describeOn } from '../support/servers.ts';
import { deploy, plainShape } from '../support/shapes.ts';

/** Together more than the memory that the run has. */
const rows = 20;
const length = 4_000_000;

/** A user agent that ends with a word. */
const longText = {
  postgresql: `repeat('x', ${String(length)}) || ' Ende'`,
  mysql: `CONCAT(REPEAT('x', ${String(length)}), ' Ende')`,
  sqlite: `replace(hex(zeroblob(${String(length / 2)})), '00', 'xx') || ' Ende'`,
} as const;

for (const dialect of ['postgresql', 'mysql', 'sqlite'] as const) {
  describeOn(dialect, `user agents of 4 MB, ${dialect}`, () => {
    it('take no more memory than short ones, and select by their whole', async () => {
      const { app, database } = await deploy(plainShape(dialect));
      const q = quoteFor(dialect);
      try {
        const ada = await signUp(app, 'Ada', 'ada@example.com');
        for (let row = 0; row < rows; row += 1)
          await signIn(app, ada, { ip: '192.0.2.1', userAgent: 'Firefox' });
        if (dialect === 'mysql') await database.query('ALTER TABLE session MODIFY userAgent LONGTEXT');
        await database.query(`UPDATE session SET ${q('userAgent')} = ${longText[dialect]}`);
        const run = (...words: readonly string[]) =>
          runSessionctl(['--url', database.url, '--time-zone', 'UTC', ...words], {
            env: { NODE_OPTIONS: '--max-old-space-size=48' },
          });

        const listed = await run('list', '--json');
        expect(listed.code, listed.stderr).toBe(0);
        const agents = (JSON.parse(listed.stdout) as { readonly userAgent: string }[]).map(
          ({ userAgent }) => userAgent,
        );
        expect(agents.map((agent) => agent.length)).toEqual(agents.map(() => 65_536));
        expect(agents.length).toBeGreaterThanOrEqual(rows);

        for (const words of [['list'], ['stats'], ['revoke-all', '--user', 'ada@example.com', '--dry-run']])
          expect(await run(...words), words.join(' ')).toMatchObject({ code: 0 });
        const ended = await run(
          'revoke-all',
          '--user-agent',
          'Ende',
          '--yes',
          '--json',
          '--max-affected',
          '100',
        );
        expect(ended.code, ended.stderr).toBe(0);
        expect(JSON.parse(ended.stdout)).toMatchObject({ revoked: agents.length, remaining: 0 });
      } finally {
        await database.drop();
      }
    });
  });
}
