import { existsSync } from 'node:fs';
import { createServer } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { everySession, signIn, signUp, type Truth } from '../support/app.ts';
import { literal } from '../support/databases.ts';
import { agents, populate, updateSession, type Population } from '../support/population.ts';
import { binaryPath, emptyDirectory } from '../support/run-sessionctl.ts';
import { deploy, plainShape, type Deployment } from '../support/shapes.ts';
import { runInTerminal, runProgramInTerminal } from '../support/terminal.ts';

/** Each would move the cursor, change the screen, or turn the line around, were it printed as it is. */
const hostile = [
  '\u001b[2J\u001b[1;1Hcleared and moved home',
  '\u001b[31;1mred and bold\u001b[8m hidden',
  '\u001b]0;the title is mine\u0007 and a title',
  '\u001b]8;;https://evil.example\u001b\\a link\u001b]8;;\u001b\\',
  'carriage\rreturn, line\nfeed, tab\tand\u0008\u0008 backspaces',
  '\u009b2Jone-byte control, \u0085next line',
  'right to left \u202egnp.exe\u202c and \u2066isolated\u2069',
  '\u001b(0line drawing\u001b[?1049h alternate screen',
  'zero\u200bwidth\ufeff and \u2028separator\u2029s',
  `wide 日本語のユーザーエージェント 🦊🦊🦊 and combining e\u0301${'\u0301'.repeat(50)}`,
  `long ${'x'.repeat(10_240)}`,
] as const;

describe('in a terminal', () => {
  let deployment: Deployment;
  let population: Population;
  let truths: readonly Truth[];
  let url: string;

  beforeAll(async () => {
    deployment = await deploy(plainShape('sqlite'));
    population = await populate(deployment);
    const mallory = await signUp(deployment.app, 'Mallory', 'mallory@example.com');
    for (const userAgent of hostile) {
      const { token } = await signIn(deployment.app, mallory, {
        ip: '192.0.2.66',
        userAgent: 'to be replaced',
      });
      await updateSession(deployment, token, { userAgent, ipAddress: userAgent.slice(0, 40) });
    }
    const { database, shape } = deployment;
    const name = literal('sqlite', hostile[0] + hostile[6]);
    await database.query(
      `UPDATE ${shape.table('user')} SET name = ${name} WHERE id = ${literal('sqlite', mallory.id)}`,
    );
    truths = await everySession(deployment.app, [...population.people.map(({ id }) => id), mallory.id]);
    url = deployment.database.url;
  });
  afterAll(async () => {
    await deployment.database.drop();
  });

  const live = () => truths.filter(({ expiresAt }) => expiresAt.getTime() > Date.now());
  /** What stands in the table's rows: for each live session the beginning of its id, once. */
  const rowsOf = (lines: readonly string[]) =>
    live().map(({ id }) => lines.filter((line) => line.includes(id.slice(0, 8))).length);

  it.each([80, 200])('the table fits %i columns, and nothing in it moves the terminal', async (columns) => {
    const { code, screen } = await runInTerminal(['--url', url, 'list'], { columns }).ended;
    expect(code).toBe(0);
    expect(screen.wrapped).toEqual([]);
    expect(screen.title).toBe('');
    expect(screen.alternate).toBe(false);
    expect(rowsOf(screen.lines)).toEqual(live().map(() => 1));
    const all = screen.lines.join('\n');
    for (const { email } of population.people.filter(({ id }) =>
      live().some(({ userId }) => userId === id),
    )) {
      expect(all).toContain(columns === 200 ? email : email.slice(0, 8));
    }
    expect(all).toMatch(/\bID\b.*\bUSER\b/);
    // Columns stand one below the other: each row has its user where the head says USER.
    const [head = ''] = screen.lines.filter((line) => /\bID\b.*\bUSER\b/.test(line));
    const rows = screen.lines.filter((line) => live().some(({ id }) => line.includes(id.slice(0, 8))));
    for (const row of rows) expect(row.slice(head.indexOf('USER')), row).toMatch(/^[a-z]/);
    expect(all).not.toMatch(/[\u202a-\u202e\u2066-\u2069\u200b\ufeff]/);
    expect(screen.styled).toBe(true);
  });

  it('--wide holds every user agent, made harmless', async () => {
    // By a shell that stays, as in any terminal: with the first process of a session, Linux throws away what has not been
    // read yet, and this is long.
    const shell = runProgramInTerminal(
      '/bin/sh',
      [
        '-c',
        '"$@"; code=$?; echo "that was it"; read -r _; exit $code',
        'sh',
        process.execPath,
        binaryPath,
      ].concat(['--url', url, 'list', '--wide', '--user', 'mallory@example.com']),
      { columns: 500 },
    );
    await shell.shows('that was it');
    shell.type('\r');
    const { code, screen } = await shell.ended;
    expect(code).toBe(0);
    expect(screen.title).toBe('');
    expect(screen.alternate).toBe(false);
    const all = screen.lines.join('');
    for (const text of [
      'cleared and moved home',
      'the title is mine',
      'carriage\\x0dreturn, line\\x0afeed',
      '\\u202egnp.exe',
      '\\x1b[2J',
    ]) {
      expect(all).toContain(text);
    }
  });

  it('show lays one session out without breaking it', async () => {
    const victim = truths.find(({ userAgent }) => userAgent === hostile[4]);
    const { code, screen } = await runInTerminal(['--url', url, 'show', victim?.id ?? ''], { columns: 80 })
      .ended;
    expect(code).toBe(0);
    const all = screen.lines.join('\n');
    expect(all).toContain(victim?.id ?? '');
    expect(all).toContain('mallory@example.com');
    expect(all).not.toContain(victim?.token ?? '');
    expect(screen.lines.join('')).toContain('carriage\\x0dreturn');
  });

  it.each([
    ['--no-color', { args: ['--no-color'], env: {} }],
    ['NO_COLOR', { args: [], env: { NO_COLOR: '1' } }],
    ['TERM=dumb', { args: [], env: { TERM: 'dumb' } }],
  ])('is plain with %s', async (_name, { args, env }) => {
    const { code, screen } = await runInTerminal(['--url', url, 'list', ...args], { columns: 120, env })
      .ended;
    expect(code).toBe(0);
    expect(screen.styled).toBe(false);
    expect(screen.wrapped).toEqual([]);
  });

  it('an error stands on the screen with its hint', async () => {
    const { code, screen } = await runInTerminal(['--url', url, 'list', '--user', 'nobody@example.com'], {
      columns: 80,
    }).ended;
    expect(code).toBe(1);
    expect(screen.lines.join('\n')).toMatch(/^error: .*nobody@example\.com/);
  });

  it.each([
    ['Ctrl-C', '\u0003'],
    ['Ctrl-D', '\u0004'],
  ])('%s at a prompt ends with 130 and writes nothing', async (_name, key) => {
    const run = runInTerminal(['config', 'init', '--file', `${emptyDirectory}/cancelled.toml`], {
      columns: 80,
    });
    await run.shows(/\?/);
    run.type(key);
    const { code, screen } = await run.ended;
    expect(code).toBe(130);
    expect(screen.lines.join('\n')).not.toMatch(/unexpected|\bat .*\.js:/);
    expect(existsSync(`${emptyDirectory}/cancelled.toml`)).toBe(false);
  });

  it('a URL that is typed where a name is wanted shows no password', async () => {
    const run = runInTerminal(['config', 'init'], { columns: 80, cwd: emptyDirectory });
    await run.shows('In an environment variable');
    run.type('\r');
    await run.shows('Name of the variable');
    run.type('mysql://root:hunter2');
    await run.shows('***');
    expect((await run.screen()).lines.join('\n')).not.toContain('hunter');
    run.type('@127.0.0.1/auth');
    await run.shows('root:***@127.0.0.1/auth');
    run.type('\r');
    await run.shows('That is not the name of a variable');
    run.type('\u0003');
    const { code, screen } = await run.ended;
    expect(code).toBe(130);
    expect(screen.lines.join('\n')).not.toContain('hunter');
  });

  it('a terminal that closes at a prompt ends with 130 and writes nothing', async () => {
    const path = `${emptyDirectory}/closed.toml`;
    const run = runInTerminal(['config', 'init', '--file', path], { columns: 80 });
    await run.shows(/\?/);
    run.close();
    expect(await run.ended).toMatchObject({ code: 130 });
    expect(existsSync(path)).toBe(false);
  });

  it('Ctrl-C does not wait for a database that does not answer', async () => {
    const server = createServer(() => undefined);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    const port = address === null || typeof address === 'string' ? 0 : address.port;
    const connected = new Promise<void>((resolve) => {
      server.once('connection', () => {
        resolve();
      });
    });
    // By itself it would wait for an hour.
    const url = `postgres://user@127.0.0.1:${String(port)}/auth?connect_timeout=3600`;
    const run = runInTerminal(['--url', url, 'list'], { columns: 80 });
    await connected;
    run.type('\u0003');
    const { code, screen } = await run.ended;
    server.close();
    expect(code).toBe(130);
    expect(screen.lines.join('\n')).not.toMatch(/unexpected|\bat .*\.js:/);
  });

  it('Ctrl-C in the middle of a long output ends with 130', async () => {
    const { database } = deployment;
    const column = (name: string) => `'2030-01-01T00:00:00.000Z' AS ${name}`;
    const [someone] = await database.query('SELECT "userId" AS id FROM session LIMIT 1');
    await database.query(
      `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 200000)
       INSERT INTO session (id, token, "expiresAt", "createdAt", "updatedAt", "ipAddress", "userAgent", "userId")
       SELECT 'many-' || i, 'many ' || i, ${column('a')}, ${column('b')}, ${column('c')}, '192.0.2.1', ${literal('sqlite', agents.chrome)}, ${literal('sqlite', String(someone?.['id']))} FROM n`,
    );
    try {
      const run = runInTerminal(['--url', url, 'list', '-o', 'jsonl'], { columns: 200, rows: 50 });
      await run.shows('many-');
      run.type('\u0003');
      const { code, screen } = await run.ended;
      expect(code).toBe(130);
      expect(screen.lines.join('\n')).not.toMatch(/unexpected|\bat .*\.js:/);
    } finally {
      await database.query(`DELETE FROM session WHERE id LIKE 'many-%'`);
    }
  });
});
