import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { signIn, signUp } from '../support/app.ts';
import { deploy, plainShape, type Deployment } from '../support/shapes.ts';
import { binaryPath } from '../support/run-sessionctl.ts';
import { runInTerminal, runProgramInTerminal } from '../support/terminal.ts';

const client = { ip: '192.0.2.1', userAgent: '\u001b[2J\u001b[1;1Hcleared and moved home' };

describe('list --watch in a terminal', () => {
  let deployment: Deployment;
  beforeAll(async () => {
    deployment = await deploy(plainShape('sqlite'));
    const ada = await signUp(deployment.app, 'Ada', 'ada@example.com');
    await signIn(deployment.app, ada, client);
  });
  afterAll(async () => {
    await deployment.database.drop();
  });

  const watch = (columns: number, env: Readonly<Record<string, string>> = {}) =>
    runInTerminal(['--url', deployment.database.url, 'list', '--watch', '1'], { columns, rows: 24, env });

  it.each([
    ['q', 'q'],
    ['Ctrl-C', '\u0003'],
    ['Ctrl-D', '\u0004'],
  ])('ends by %s, and gives the screen back', async (_name, key) => {
    const terminal = watch(80);
    await terminal.shows('q quits');
    const during = await terminal.screen();
    expect(during).toMatchObject({ alternate: true, wrapped: [] });
    expect(during.lines[0]).toMatch(/^1 active session in sqlite /);
    terminal.type(key);
    const { code, screen } = await terminal.ended;
    expect({ code, alternate: screen.alternate }).toEqual({ code: 0, alternate: false });
  });

  it('follows the size of the window, without colour where none is wanted', async () => {
    const terminal = watch(60, { NO_COLOR: '1' });
    await terminal.shows('q quits');
    expect((await terminal.screen()).lines.join('\n')).not.toContain('CREATED');
    terminal.resize(200, 30);
    await terminal.shows('CREATED');
    expect(await terminal.screen()).toMatchObject({ styled: false, wrapped: [] });
    terminal.type('q');
    expect((await terminal.ended).code).toBe(0);
  });

  it('says what matters most on a screen that is too small for a table', async () => {
    const terminal = watch(80);
    await terminal.shows('q quits');
    terminal.resize(24, 5);
    await terminal.shows(/^1 active session\b.*\n {2}ada@example\.com/);
    expect((await terminal.screen()).lines).toHaveLength(2);
    terminal.resize(24, 1);
    await terminal.shows(/^1 active session[^\n]*$/);
    terminal.type('q');
    expect((await terminal.ended).code).toBe(0);
  });

  it('is not stopped in the background, and ends there when it is told to', async () => {
    const command = [process.execPath, binaryPath, '--url', deployment.database.url, 'list', '--watch', '1'];
    const script = `set -m; ${command.map((word) => `'${word}'`).join(' ')} & read; jobs %1; kill %1; wait %1; echo "ended with $?"; sleep 1`;
    const shell = runProgramInTerminal('bash', ['--norc', '-c', script], { columns: 150, rows: 24 });
    await shell.shows(/present {2}|Stopped/);
    shell.type('\r');
    await shell.shows(/ended with \d+|Stopped/);
    const { lines, alternate } = await shell.screen();
    expect(alternate).toBe(false);
    expect(lines.join('\n')).toMatch(/^\d\d:\d\d:\d\d {4}present {2}[^]*Running[^]*ended with 0$/);
    await shell.ended;
  });

  it('writes lines where the terminal cannot go back', async () => {
    const terminal = watch(80, { TERM: 'dumb' });
    await terminal.shows('ada@example.com');
    const { alternate, styled } = await terminal.screen();
    expect({ alternate, styled }).toEqual({ alternate: false, styled: false });
    terminal.type('q');
    const { code, screen } = await terminal.ended;
    expect(code).toBe(0);
    expect(screen.lines[0]).toMatch(/^\d\d:\d\d:\d\d {4}present {2}/);
  });

  it('gives the screen back when it is told to end', async () => {
    const terminal = watch(80);
    await terminal.shows('q quits');
    process.kill(terminal.pid, 'SIGTERM');
    const { code, screen } = await terminal.ended;
    expect({ code, alternate: screen.alternate }).toEqual({ code: 0, alternate: false });
  });
});
