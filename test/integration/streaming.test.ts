import { afterAll, beforeAll, expect, it } from 'vitest';
import { CHUNK_ROWS } from '../../src/store/database/dialects/dialect.ts';
import { signUp } from '../support/app.ts';
import { literal } from '../support/databases.ts';
import { runMain } from '../support/fake-system.ts';
import { describeOn, type Dialect } from '../support/servers.ts';
import { deploy, plainShape, type Deployment } from '../support/shapes.ts';

const ROWS = CHUNK_ROWS * 2 + 20;

describeOn('postgresql', 'streaming from PostgreSQL', () => {
  suite('postgresql');
});
describeOn('mysql', 'streaming from MySQL or MariaDB', () => {
  suite('mysql');
});
describeOn('sqlite', 'streaming from SQLite', () => {
  suite('sqlite');
});

function suite(dialect: Dialect): void {
  let deployment: Deployment;

  beforeAll(async () => {
    deployment = await deploy(plainShape(dialect));
    const { database, app } = deployment;
    const person = await signUp(app, 'Ada', 'ada@example.com');
    await database.query('DELETE FROM session');
    const quote = dialect === 'mysql' ? '`' : '"';
    const columns = ['id', 'token', 'userId', 'expiresAt', 'createdAt', 'updatedAt', 'userAgent'];
    const at = (hour: number) => {
      const iso = new Date(Date.UTC(2030, 0, 1, hour)).toISOString();
      return literal(dialect, dialect === 'mysql' ? iso.slice(0, 23).replace('T', ' ') : iso);
    };
    const rows = Array.from({ length: ROWS }, (_, n) => {
      const texts = [`session-${String(n)}`, `token-${String(n)}`, person.id].map((text) =>
        literal(dialect, text),
      );
      return `(${[...texts, at(n), at(n), at(n), literal(dialect, 'x'.repeat(n))].join(', ')})`;
    });
    await database.query(
      `INSERT INTO session (${columns.map((name) => quote + name + quote).join(', ')}) VALUES ${rows.join(', ')}`,
    );
  });
  afterAll(() => deployment.database.drop());

  const list = (...words: readonly string[]) => runMain(['--url', deployment.database.url, 'list', ...words]);

  it.each(['none', 'updatedAt', 'expiresAt:asc'])('every session comes once (--sort %s)', async (sort) => {
    const { stdout, code } = await list('-o', 'ids', '--sort', sort);
    const ids = stdout.trimEnd().split('\n');
    expect({ code, rows: ids.length, different: new Set(ids).size }).toEqual({
      code: 0,
      rows: ROWS,
      different: ROWS,
    });
    if (sort === 'updatedAt')
      expect(ids.slice(0, 2)).toEqual([`session-${String(ROWS - 1)}`, `session-${String(ROWS - 2)}`]);
    if (sort === 'expiresAt:asc') expect(ids.slice(0, 2)).toEqual(['session-0', 'session-1']);
  });

  // A table counts what is left with a second query on the connection that has just streamed.
  it.each([1, CHUNK_ROWS - 1, CHUNK_ROWS, CHUNK_ROWS + 1, CHUNK_ROWS * 2])(
    'the connection is good for another query after %i rows',
    async (limit) => {
      const { code, stdout, stderr } = await list('--limit', String(limit));
      expect({ code, lines: stdout.trimEnd().split('\n').length }).toEqual({ code: 0, lines: limit + 1 });
      expect(stderr).toContain(`${String(ROWS - limit)} more active sessions`);
    },
    10_000,
  );

  it.each([
    [-60_000, 'behind'],
    [60_000, 'ahead of'],
  ])('a local clock that is %i ms off is warned about', async (off, direction) => {
    const { code, stderr } = await runMain(['--url', deployment.database.url, '-q', 'list', '--limit', '1'], {
      now: () => Date.now() + off,
    });
    expect(code).toBe(0);
    expect(stderr).toMatch(
      new RegExp(
        `^warning: this machine's clock is (1m|59s|61s) ${direction} the database's, which is the one that counts$`,
        'm',
      ),
    );
  });

  it('a reader that goes away ends the query', async () => {
    const { code, stderr } = await runMain(['--url', deployment.database.url, '-q', 'list', '-o', 'jsonl'], {
      stdoutClosesAfter: 1,
    });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  });

  it('a signal in the middle ends it with 130', async () => {
    const stop = new AbortController();
    const running = runMain(['--url', deployment.database.url, '-q', 'list', '-o', 'jsonl'], {
      signal: stop.signal,
    });
    stop.abort('SIGINT');
    const { code, stderr } = await running;
    expect({ code, message: JSON.parse(stderr) as unknown }).toEqual({
      code: 130,
      message: {
        error: { code: 'cancelled', message: 'stopped by SIGINT, nothing was changed', hint: null },
      },
    });
  });
}
