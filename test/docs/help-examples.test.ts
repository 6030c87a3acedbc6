import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { beforeAll, describe, expect, inject, it } from 'vitest';
import { loadDefinitions } from '../../src/commands/catalogue.ts';
import { runMain } from '../support/fake-system.ts';
import { bareEnvironment, binaryPath, runProgram } from '../support/run-sessionctl.ts';
import { runProgramInTerminal } from '../support/terminal.ts';

const examples = (await loadDefinitions()).flatMap(({ words, examples: lines }) =>
  lines.map(([line]) => ({ line, command: words.join(' ') })),
);

/** What asks a person, and what they answer once it shows so much. */
const answered: Readonly<Record<string, { shows: RegExp; keys: string; code: number }>> = {
  'sessionctl list --ip 203.0.113.0/24 --watch': { shows: /q quits/, keys: 'q', code: 0 },
  'sessionctl revoke QsFYstwy': { shows: /\(y\/N\)/i, keys: 'y\r', code: 0 },
  'sessionctl revoke --user ada@example.com': { shows: /space/i, keys: '\u0003', code: 130 },
};

/** Where something else than success is the point. */
const codes: Readonly<Record<string, number>> = {
  'sessionctl schema status --check': 5,
  // Signed by nobody.
  'sessionctl verify < cookie.txt': 1,
  'pbpaste | sessionctl verify --json': 1,
};

const isMissing = (shell: string) => spawnSync(shell, ['--version']).error !== undefined;
const asking = /^sessionctl (?:revoke|limit|create|schema (?:migrate|rollback))/;
let database: string;
let leaked: string;

beforeAll(async () => {
  const directory = mkdtempSync(join(inject('temporaryDirectory'), 'examples-'));
  database = join(directory, 'auth.db');
  expect((await runMain(['demo', database])).code).toBe(0);
  const opened = new Database(database, { readonly: true });
  leaked = String(opened.prepare('SELECT token FROM session LIMIT 1').pluck().get());
  opened.close();
});

describe.concurrent('an example of the help works when pasted', () => {
  it.for(examples)('$line', async ({ line, command }, { expect: see, skip }) => {
    const { directory, env } = workplace(command === 'config init');
    const shell = { 'completion zsh': 'zsh', 'completion fish': 'fish' }[
      /completion \w+/.exec(line)?.[0] ?? ''
    ];
    if (shell !== undefined && isMissing(shell)) skip(`no ${shell} here`);
    const answer = answered[line];
    if (answer !== undefined) {
      const terminal = runProgramInTerminal('bash', ['-c', line], { columns: 100, cwd: directory, env });
      await terminal.shows(answer.shows);
      terminal.type(answer.keys);
      see((await terminal.ended).code).toBe(answer.code);
      return;
    }
    const typed = here(line, directory);
    const words = wordsOf(typed);
    const { code, stderr } =
      words === null
        ? await runProgram(shell ?? 'bash', ['-c', typed], { cwd: directory, env })
        : await runMain(words, { cwd: directory, env });
    // What asks an application is told here that there is none.
    const wanted = line.includes('--app-url') ? 1 : (codes[line] ?? 0);
    see({ code, stderr: code === wanted ? '' : stderr }).toEqual({ code: wanted, stderr: '' });
  });
});

/** The line as it can be run here: without a question, on this machine. */
function here(line: string, directory: string): string {
  const isAsking = asking.test(line) && !/--yes|--dry-run|\| sessionctl/.test(line);
  const asked = line === 'sessionctl config init' ? `${line} --url-env DATABASE_URL --no-input` : line;
  return (isAsking ? `${asked} --yes` : asked)
    .replace('/var/lib/node_exporter', directory)
    .replace('https://app.example.com', 'http://127.0.0.1:1');
}

/** What stands behind `sessionctl`, where the line needs no shell: a process for each would take a while. */
function wordsOf(line: string): readonly string[] | null {
  if (/[|<>$]/.test(line)) return null;
  const [, ...words] = line.match(/"[^"]*"|\S+/g) ?? [];
  return words.map((word) => word.replace(/^"(.*)"$/, '$1'));
}

/** A directory in which somebody works: a database, mostly a configuration, and what they were handed. */
function workplace(isBare: boolean) {
  const directory = mkdtempSync(join(inject('temporaryDirectory'), 'example-'));
  const write = (name: string, text: string, mode = 0o600) => {
    writeFileSync(join(directory, name), text, { mode });
  };
  for (const name of ['bin', 'deploy']) mkdirSync(join(directory, name));
  symlinkSync(binaryPath, join(directory, 'bin', 'sessionctl'));
  copyFileSync(database, join(directory, 'auth.db'));
  const cookie = 'better-auth.session_token=abcdefghijklmnopqrstuvwxyz012345.c2lnbmF0dXJl';
  write('cookie.txt', cookie);
  write('leaked.txt', `${leaked}\n`);
  write('bin/pbpaste', `#!/bin/sh\necho '${cookie}'\n`, 0o755);
  write('bin/jq', '#!/bin/sh\ncat\n', 0o755);
  if (!isBare) {
    const profile = [
      'url = "sqlite:auth.db"',
      'session = { maximum_sessions = 5 }',
      'auth = { secret = "a secret of at least thirty-two characters", base_url = "https://app.example.com" }',
    ].join('\n');
    const text = `default_profile = "production"\n[profiles.production]\n${profile}\n[profiles.staging]\n${profile}\n`;
    write('sessionctl.toml', text);
    write('deploy/sessionctl.toml', text);
  }
  const env = {
    PATH: `${join(directory, 'bin')}:${bareEnvironment['PATH'] ?? ''}`,
    HOME: directory,
    XDG_STATE_HOME: join(directory, 'state'),
    EDITOR: 'cat',
    ...(isBare ? { DATABASE_URL: 'sqlite:auth.db' } : {}),
  };
  return { directory, env };
}
