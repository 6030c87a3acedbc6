import { spawnSync } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { stripVTControlCharacters } from 'node:util';
import BetterSqlite3 from 'better-sqlite3';
import { beforeAll, describe, expect, inject, it } from 'vitest';
import { main } from '../../src/main.ts';
import { fakeSystem, runMain, type FakeSystemOptions, type Outcome } from '../support/fake-system.ts';
import { blocksOf, pages, readPage, type Block } from './documents.ts';

// Every example of every page is run as it stands there, on the demo database; what is put in another's place, what is
// answered and which exit codes are expected stands in these tables and nowhere else.

const secret = 'a secret of the examples, long enough';
const profile = `[profiles.production]
url = "sqlite:sessionctl-demo.db"
[profiles.production.session]
maximum_sessions = 5
[profiles.production.auth]
secret = "${secret}"
base_url = "http://localhost:3000"
`;

/** What an example names that this machine does not have, and what it has in its place. */
const substitutions: readonly (readonly [string, string])[] = [
  ['postgres://reader@db.example.com/app', 'sqlite:sessionctl-demo.db'],
  ['mysql://reader:secret@db.example.com/app', 'sqlite:sessionctl-demo.db'],
  ['postgres://sweeper@db/app', 'sqlite:sessionctl-demo.db'],
  ['sqlite:./auth.db', 'sqlite:sessionctl-demo.db'],
  // Nobody of this name is in the demo.
  ['root@example.com', 'robot@example.com'],
  ['/var/lib/node_exporter/', 'etc/'],
  ['/metrics/', 'etc/'],
  ['/var/reports/', 'etc/'],
  ['/usr/local/bin/sessionctl', 'sessionctl'],
  ['/etc/sessionctl.toml', 'sessionctl.toml'],
  ['pbpaste', 'cat cookie.txt'],
];

/** What is typed where a question stands on the terminal. */
const answers: readonly (readonly [RegExp, (match: RegExpMatchArray) => string])[] = [
  [/Type ([\d,]+) to/g, ([, number = '']) => `${number.replaceAll(',', '')}\r`],
  [/[^\n]*\((?:y\/N|Y\/n)\)/g, () => 'y\r'],
  [/space ticks/g, () => ' \r'],
  // Of `config init`: the default of whatever it asks.
  [/\? (?:Where|Name of the|File|Time) \w+/g, () => '\r'],
];

/** Exit codes other than 0 that an example may rightly have. */
const codes: readonly (readonly [RegExp, readonly number[]])[] = [
  [/^schema status --check/, [5]],
  // The demo is no deployment without a fault.
  [/^doctor/, [0, 1]],
  // The token was revoked in the line before.
  [/^verify$/, [0, 1]],
  // The token of the demo may still live.
  [/^verify --ended/, [0, 1]],
];

/** Pages on which a line goes on with what the one before has left. Elsewhere each begins with the demo as it was. */
const inOrder: readonly string[] = ['README.md', 'docs/incident.md'];

const directories = new Map<string, string>();
const base = mkdtempSync(join(inject('temporaryDirectory'), 'examples-'));
const demoFile = join(base, 'demo.db');
const hasJq = spawnSync('jq', ['--version']).status === 0;

beforeAll(async () => {
  expect(await runMain(['demo', 'demo.db'], { cwd: base })).toMatchObject({ code: 0 });
});

/** Where the examples of a page are run: a configuration, a cookie and the demo. */
function directoryOf(page: string): string {
  const known = directories.get(page);
  if (known !== undefined) return known;
  const directory = mkdtempSync(join(base, 'page-'));
  mkdirSync(join(directory, 'etc'));
  writeFileSync(join(directory, 'sessionctl.toml'), profile, { mode: 0o600 });
  const database = new BetterSqlite3(demoFile, { readonly: true });
  const { token } = database
    .prepare<[], { token: string }>('SELECT token FROM session ORDER BY "expiresAt" DESC LIMIT 1')
    .get() ?? { token: '' };
  database.close();
  const signature = createHmac('sha256', secret).update(token).digest('base64');
  const cookie = `better-auth.session_token=${encodeURIComponent(`${token}.${signature}`)}\n`;
  writeFileSync(join(directory, 'cookie.txt'), cookie);
  writeFileSync(join(directory, 'leaked.txt'), cookie);
  resetDemo(directory);
  directories.set(page, directory);
  return directory;
}

/** Where an application lies that nobody has told sessionctl of yet. */
function applicationDirectory(): string {
  const directory = mkdtempSync(join(base, 'init-'));
  mkdirSync(join(directory, 'src', 'lib'), { recursive: true });
  copyFileSync(demoFile, join(directory, 'auth.db'));
  writeFileSync(join(directory, '.env'), 'BETTER_AUTH_URL=http://localhost:3000\n');
  writeFileSync(
    join(directory, 'src', 'lib', 'auth.ts'),
    "import { betterAuth } from 'better-auth';\nexport const auth = betterAuth({ database: new Database('auth.db'), session: { updateAge: 60 } });\n",
  );
  return directory;
}

function resetDemo(directory: string): void {
  copyFileSync(demoFile, join(directory, 'sessionctl-demo.db'));
}

/** The words of a stage of a pipeline, without their quotes. */
function wordsOf(text: string): readonly string[] {
  return [...text.matchAll(/(?:"[^"]*"|'[^']*'|[^\s"'])+/g)].map(([word]) => word.replace(/["']/g, ''));
}

/** Parts a line where the character stands outside of quotes. */
function partedAt(character: string, line: string): readonly string[] {
  return [...line.matchAll(new RegExp(`(?:"[^"]*"|'[^']*'|[^"'${character}])+`, 'g'))].map(([part]) =>
    part.trim(),
  );
}

/** The lines of a block, what the shell ignores left out. */
function commandsOf(text: string): readonly string[] {
  return text
    .replaceAll(/\\\n\s*/g, '')
    .split('\n')
    .map((line) => partedAt('#', ` ${line}`)[0] ?? '')
    .filter((line) => line !== '');
}

const changesThings = /^(?:revoke|revoke-all|limit|create|schema migrate|schema rollback|config init)\b/;
const withoutQuestion = /--(?:yes|dry-run|no-input)\b/;

/** The words without global options, to be looked up in the tables. */
const ownWords = (words: readonly string[]) =>
  words.join(' ').replace(/^(?:--(?:url|profile|config) \S+ |--no-input )+/, '');

/** Runs what would go on for ever until it has shown something. */
async function runUntilShown(words: readonly string[], options: FakeSystemOptions): Promise<Outcome> {
  const stop = new AbortController();
  const fake = fakeSystem({ ...options, signal: stop.signal });
  const ended = main(words, fake.system);
  const over = ended.then(
    () => true,
    () => true,
  );
  while (fake.stdout() === '' && !(await Promise.race([over, wait(10, false)])));
  stop.abort('SIGINT');
  return { code: await ended, stdout: fake.stdout(), stderr: fake.stderr() };
}

/** Runs the program as a person would, who answers where it asks. */
async function runAnswering(words: readonly string[], options: FakeSystemOptions): Promise<Outcome> {
  if (words.includes('--watch')) return runUntilShown(words, options);
  const asks = changesThings.test(ownWords(words)) && !withoutQuestion.test(words.join(' '));
  if (!asks) return runMain(words, options);
  const fake = fakeSystem({ ...options, tty: { stdin: true, stderr: true } });
  // The real stderr is not closed when a prompt ends.
  Object.assign(fake.system.stderr, { _isStdio: true });
  const ended = main(words, fake.system);
  const over = ended.then(
    () => true,
    () => true,
  );
  let seen = 0;
  let asked = '';
  while (!(await Promise.race([over, wait(10, false)]))) {
    const text = fake.stderr();
    const [last] = answers
      .flatMap(([question, answer]) =>
        [...stripVTControlCharacters(text.slice(seen)).matchAll(question)].map((match) => ({
          match,
          answer,
        })),
      )
      .toSorted((one, other) => other.match.index - one.match.index);
    if (last === undefined) continue;
    seen = text.length;
    // A question is drawn again at every key.
    if (last.match[0] === asked) continue;
    [asked] = last.match;
    for (const key of last.answer(last.match)) fake.type(key);
  }
  return { code: await ended, stdout: fake.stdout(), stderr: fake.stderr() };
}

/** Runs a line of a shell in which sessionctl may be any stage. Every sessionctl in it has to end as the table says. */
async function runLine(line: string, cwd: string, env: Record<string, string>): Promise<void> {
  const substituted = substitutions.reduce((text, [from, to]) => text.replaceAll(from, to), line);
  const exported = /^export (\w+)=(\S+)$/.exec(substituted);
  if (exported !== null) {
    env[exported[1] ?? ''] = exported[2] ?? '';
    return;
  }
  let piped: string | undefined;
  for (const stage of partedAt('|', substituted)) {
    const [, before = '', rest = ''] = /^((?:\w+=\S+\s+)*)(.*)$/.exec(stage) ?? [];
    if (!/^sessionctl\b/.test(rest)) {
      const done = spawnSync('sh', ['-c', rest], { cwd, input: piped ?? '', encoding: 'utf8' });
      expect({ stage, code: done.status, stderr: done.stderr }).toMatchObject({ code: 0 });
      piped = done.stdout;
      continue;
    }
    const [, command = '', input, output] =
      /^(.*?)(?:\s+<\s*(\S+))?(?:\s+>\s*(\S+))?$/.exec(rest.replace(/^sessionctl\s*/, '')) ?? [];
    const own = Object.fromEntries(wordsOf(before).map((word) => word.split('=') as [string, string]));
    const words = wordsOf(command);
    const stdin = input === undefined ? piped : readFileSync(join(cwd, input), 'utf8');
    const isInit = ownWords(words).startsWith('config init');
    const outcome = await runAnswering(words, {
      // Where there is no configuration yet, and the variable that it asks for.
      cwd: isInit ? applicationDirectory() : cwd,
      env: {
        XDG_STATE_HOME: join(cwd, 'state'),
        ...(isInit ? { DATABASE_URL: `sqlite:${join(cwd, 'sessionctl-demo.db')}` } : env),
        ...own,
      },
      ...(stdin === undefined ? {} : { stdin }),
    });
    const expected = codes.find(([which]) => which.test(ownWords(words)))?.[1] ?? [0];
    if (!expected.includes(outcome.code))
      throw new Error(`${line}\nended with ${String(outcome.code)}: ${outcome.stderr}`);
    piped = outcome.stdout;
    if (output !== undefined) writeFileSync(join(cwd, output), outcome.stdout);
  }
}

/** The shell commands that a block holds, whatever it is. */
function shellLinesIn({ language, text }: Block): readonly string[] {
  if (language === 'sh') return commandsOf(text);
  if (language === 'cron')
    return commandsOf(text)
      .filter((line) => !line.startsWith('PATH='))
      .map((line) => line.replace(/^(?:\S+\s+){5}/, ''));
  if (language === 'ini') return [...text.matchAll(/^ExecStart=(.*)$/gm)].map(([, line = '']) => line);
  // What is behind the line is of the shell in the container.
  if (language === 'yaml')
    return commandsOf(text)
      .map((line) => line.replace(/\s*&$/, ''))
      .filter((line) => line.startsWith('sessionctl '));
  return [];
}

const known = ['sh', 'cron', 'ini', 'yaml', 'toml', 'json', 'console', 'sql', 'redis', 'dockerfile', ''];

for (const page of pages) {
  describe(page, () => {
    const blocks = blocksOf(page).filter(({ notRun }) => notRun === undefined);
    const env: Record<string, string> = {};

    it('has no block of which nobody knows how to try it', () => {
      expect(blocks.map(({ language }) => language).filter((language) => !known.includes(language))).toEqual(
        [],
      );
    });

    it('links to what is there', () => {
      const text = readPage(page);
      const links = [...text.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = '']) => target);
      const slugs = (of: string) =>
        [...readPage(of).matchAll(/^#+ (.*)$/gm)].map(([, title = '']) =>
          title
            .toLowerCase()
            .replaceAll(/[^\w\s-]/g, '')
            .replaceAll(' ', '-'),
        );
      for (const link of links.filter((target) => !target.startsWith('http'))) {
        const [file = '', anchor] = link.split('#');
        const path = file === '' ? page : join(dirname(page), file);
        expect({ link, exists: existsSync(new URL(`../../${path}`, import.meta.url)) }).toEqual({
          link,
          exists: true,
        });
        if (anchor !== undefined) expect(slugs(path)).toContain(anchor);
      }
    });

    const shells = blocks.filter((block) => shellLinesIn(block).length > 0);
    it.for(shells.map((block) => [block.place, block] as const))('%s runs', async ([, block], { skip }) => {
      if (!hasJq && shellLinesIn(block).some((line) => /\|\s*jq\b/.test(line))) skip('no jq here');
      const cwd = directoryOf(page);
      resetDemo(cwd);
      for (const line of shellLinesIn(block)) {
        if (!inOrder.includes(page)) resetDemo(cwd);
        if (/^sessionctl demo$/.test(line)) await runLine('sessionctl demo --force', cwd, env);
        else await runLine(line, cwd, env);
      }
    });

    const tomls = blocks.filter(({ language }) => language === 'toml');
    it.each(tomls.map(({ place, text }) => [place, text] as const))(
      '%s is a configuration',
      async (_place, text) => {
        const directory = mkdtempSync(join(base, 'toml-'));
        writeFileSync(join(directory, 'rds.pem'), 'PEM');
        writeFileSync(join(directory, '.env'), '');
        const whole = /^\[profiles\.production\]$/m.test(text)
          ? text
          : `[profiles.production]\nurl = "sqlite:auth.db"\n${text}`;
        // `store_in_database` is of the Redis that stands elsewhere.
        writeFileSync(join(directory, 'sessionctl.toml'), whole.replaceAll('/etc/ssl/', ''), { mode: 0o600 });
        const variables = [...text.matchAll(/\$\{(\w+)\}/g)].map(([, name = '']) => [
          name,
          name.includes('REDIS') ? 'redis://localhost' : 'mysql://reader@localhost/app',
        ]);
        const outcome = await runMain(['config', 'check'], {
          cwd: directory,
          env: Object.fromEntries(variables) as Record<string, string>,
        });
        expect(outcome).toMatchObject({ code: 0, stdout: expect.stringContaining('no problems') as unknown });
      },
    );

    const jsons = blocks.filter(({ language }) => language === 'json');
    it.each(jsons.map(({ place, text }) => [place, text] as const))(
      '%s has the fields of the program',
      async (_place, text) => {
        const cwd = directoryOf(page);
        resetDemo(cwd);
        const shown = JSON.parse(text) as object;
        const words =
          'command' in shown
            ? ['revoke-all', '--ip', '203.0.113.0/24', '--reason', 'INC-7', '--yes', '--json']
            : ['list', '--limit', '1', '--json'];
        const { stdout } = await runMain(words, { cwd, env: { XDG_STATE_HOME: join(cwd, 'state'), ...env } });
        const real = JSON.parse(stdout) as object | readonly object[];
        expect(Object.keys(shown)).toEqual(
          Object.keys(Array.isArray(real) ? ((real as readonly object[])[0] ?? {}) : real),
        );
      },
    );

    const sqls = blocks.filter(({ language }) => language === 'sql' && page !== 'docs/security.md');
    it.each(sqls.map(({ place, text }) => [place, text] as const))('%s is SQL', (_place, text) => {
      const cwd = directoryOf(page);
      const database = new BetterSqlite3(join(cwd, 'sessionctl-demo.db'));
      expect(() => database.exec(text)).not.toThrow();
      database.close();
    });

    const consoles = blocks.filter(({ language }) => language === 'console');
    if (consoles.length === 0) return;
    it('shows what the program shows', async () => {
      const cwd = mkdtempSync(join(base, 'tour-'));
      // One of its own: an hour ago is another word than 59 minutes ago, and other tests may take as long.
      expect(await runMain(['demo'], { cwd })).toMatchObject({ code: 0 });
      for (const [, line = '', shown = ''] of consoles
        .map(({ text }) => text)
        .join('')
        .matchAll(/^\$ sessionctl (.*)\n((?:(?!\$ ).*\n)*)/gm)) {
        const { stdout, stderr } = await runMain(wordsOf(line), {
          cwd,
          env: {
            XDG_STATE_HOME: join(cwd, 'state'),
            NO_COLOR: '1',
            DATABASE_URL: 'sqlite:sessionctl-demo.db',
          },
          tty: { stdout: true, stderr: true },
          columns: 80,
          operator: { user: 'you', host: 'host' },
        });
        // A slow machine may say how far it is.
        const told = stderr.replaceAll(/^(?:Deleting expired|Ending) sessions: .*\n/gm, '');
        expect({ line, words: comparable(`${stdout}${told}`) }).toEqual({ line, words: comparable(shown) });
      }
    });
  });
}

/** The path of the demo, which the width of the terminal may break anywhere. */
const letters = Array.from('/sessionctl-demo.db').map((letter) => letter.replace('.', '\\.'));
const demoPath = new RegExp(`(?:/\\S+\\s+)?\\S*${letters.join('\\s*')}`, 'g');

/** The words of an output, but for what differs from run to run. */
function comparable(text: string): readonly string[] {
  return (
    stripVTControlCharacters(text)
      .replaceAll(demoPath, '<path>')
      .split(/\s+/)
      .map((word) => (/^\S*…$/.test(word) ? '…' : word.replaceAll(/\d[\d.,:TZ-]*/g, '0')))
      .map((word) => word.replace(/^(\(?)0[smhd]$/, '$10'))
      // How long a batch takes is the machine's affair.
      .map((word) => (word === 'ms' ? 's' : word))
      .filter((word) => word !== '' && !['ago', 'now', '0', '…'].includes(word))
  );
}
