import { describe, expect, it } from 'vitest';
import { signIn, type SignIn } from '../support/app.ts';
import { runMain } from '../support/fake-system.ts';
import { operatorOn, secretsOf, type Operator, type Sitting } from '../support/operator.ts';
import { deploySecondary, modes } from '../support/secondary.ts';
import { describeOn, describeUnless, missingServer, serverUrl, type Dialect } from '../support/servers.ts';
import { signedInThrice } from '../support/signed-in.ts';
import { ownShape } from '../support/shapes.ts';
import { startProxy } from '../support/tcp-proxy.ts';
import { signUp } from '../support/app.ts';

const dialects: readonly Dialect[] = ['postgresql', 'mysql', 'sqlite'];
const client = { ip: '198.51.100.7', userAgent: 'curl/8.5' };

interface Line {
  readonly change: string;
  readonly because: string | null;
  readonly session: { readonly id: string; readonly ipAddress: string | null };
}

/** Watches once a second while something happens, until it is told to stop. */
async function watching(
  operator: Operator,
  words: readonly string[],
  during: (sitting: Sitting) => Promise<void>,
): Promise<{ readonly lines: readonly Line[]; readonly code: number; readonly stderr: string }> {
  const stop = new AbortController();
  const sitting = operator.sitDown(['list', '--watch', '1', ...words], { tty: {}, signal: stop.signal });
  try {
    await during(sitting);
  } finally {
    stop.abort('SIGTERM');
  }
  const { stdout, stderr, code } = await sitting.ended;
  const lines = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Line);
  return { lines, code, stderr };
}

const told = (lines: readonly Line[]) =>
  lines.filter(({ change }) => change !== 'present').map(({ change, because }) => [change, because]);

for (const dialect of dialects) {
  describeOn(dialect, `list --watch, ${dialect}`, () => {
    it('tells as JSON lines what Better Auth and others do to sessions', async () => {
      const scene = await signedInThrice(ownShape(dialect, 'own adapter'));
      const { app, database, shape } = scene.deployment;
      const { operator, ids, signIns, ada } = scene;
      const fresh: SignIn[] = [];
      const { lines, code } = await watching(operator, ['--user', 'ada@example.com'], async ({ prints }) => {
        await prints(new RegExp(`"present".*"${ids[2] ?? ''}"`));
        fresh.push(await signIn(app, ada, client));
        await prints(/"appeared"/);
        await app.api.signOut({ headers: { cookie: signIns[0]?.cookie ?? '' } });
        await prints(/"ended"/);
        const where = `WHERE ${shape.column('id')} = '${ids[1] ?? ''}'`;
        const past = shape.encode(new Date(Date.now() - 1000));
        await database.query(
          `UPDATE ${shape.table('session')} SET ${shape.column('expiresAt')} = ${past} ${where}`,
        );
        await prints(/"expired"/);
        await database.query(
          `UPDATE ${shape.table('session')} SET ${shape.column('ipAddress')} = '192.0.2.200' WHERE ${shape.column('id')} = '${ids[2] ?? ''}'`,
        );
        await prints(/"changed"/);
      });
      expect(code).toBe(0);
      expect(told(lines)).toEqual([
        ['appeared', null],
        ['gone', 'ended'],
        ['gone', 'expired'],
        ['changed', null],
      ]);
      const changes = lines.filter(({ change }) => change !== 'present');
      expect(changes.map(({ session }) => session.id).slice(1)).toEqual(ids);
      expect(changes.at(-1)?.session.ipAddress).toBe('192.0.2.200');
      expect(operator.sawAny(fresh.flatMap(secretsOf))).toEqual([]);
    });

    it('says at the first look what cannot be read, and what an address was taken for', async () => {
      const stop = new AbortController();
      const { deployment, operator } = await signedInThrice(ownShape(dialect, 'own adapter'));
      const { database, shape } = deployment;
      await database.query(
        `UPDATE ${shape.table('session')} SET ${shape.column('ipAddress')} = 'not an address'`,
      );
      const sitting = operator.sitDown(['list', '--watch', '1', '--ip', '192.0.2.9/24'], {
        tty: {},
        signal: stop.signal,
      });
      await sitting.shows(/cannot be read/);
      stop.abort('SIGTERM');
      const { stderr } = await sitting.ended;
      expect(stderr).toMatch(/note: .*192\.0\.2\.9\/24.*192\.0\.2\.0\/24/);
      expect(stderr).toMatch(/note: \d+ sessions? .*address.*cannot be read/);
    });

    it('draws a screen of it, each frame at once and nothing cleared, and q ends it', async () => {
      const { deployment, operator, ids, signIns } = await signedInThrice(ownShape(dialect, 'own adapter'));
      const { prints, type, ended } = operator.sitDown(['list', '--watch', '1'], {
        tty: { stdin: true, stdout: true, stderr: true },
        columns: 120,
      });
      await prints(/3 active sessions/);
      await deployment.app.api.signOut({ headers: { cookie: signIns[0]?.cookie ?? '' } });
      await prints(/2 active sessions/);
      type('q');
      const { stdout, code } = await ended;
      expect(code).toBe(0);
      // Out of what a terminal is told, the frames.
      expect(stdout).not.toContain('\u001b[2J');
      expect(stdout.startsWith('\u001b[?1049h\u001b[?25l')).toBe(true);
      expect(stdout.endsWith('\u001b[?25h\u001b[?1049l')).toBe(true);
      const [, ...frames] = stdout.split('\u001b[H');
      const last = frames.at(-1) ?? '';
      expect(last).toContain('1 ended since');
      expect(last).toMatch(new RegExp(`- +${(ids[0] ?? '').slice(0, 8)}`));
    });
  });
}

describeUnless(missingServer('postgresql') ?? missingServer('redis'), 'list --watch with Redis', () => {
  it.each(modes)('%s', async (mode) => {
    const deployment = await deploySecondary({ dialect: 'postgresql', mode, storage: 'official' });
    try {
      const { app, database, profile } = deployment;
      const ada = await signUp(app, 'Ada', 'ada@example.com');
      const { cookie } = await signIn(app, ada, client);
      const operator = operatorOn(database.url, profile);
      const { lines } = await watching(operator, [], async ({ prints }) => {
        await prints(/"present"/);
        const other = await signIn(app, ada, client);
        await prints(/"appeared"/);
        await app.api.signOut({ headers: { cookie: other.cookie } });
        await prints(/"gone"/);
        await app.api.signOut({ headers: { cookie } });
        await prints(/"gone"[^]*"gone"/);
      });
      // Where rows are kept as records, the one of an ended session has expired.
      const because = mode === 'preserved' ? 'expired' : 'ended';
      expect(told(lines)).toEqual([
        ['appeared', null],
        ['gone', because],
        ['gone', because],
      ]);
    } finally {
      await deployment.drop();
    }
  });
});

describeOn('postgresql', 'list --watch, a connection that is lost', () => {
  it('is told once, and gone on with', async () => {
    const { deployment, ids } = await signedInThrice(ownShape('postgresql', 'own adapter'));
    const proxy = await startProxy(deployment.database.url);
    try {
      const { lines, stderr, code } = await watching(operatorOn(proxy.url), [], async ({ prints, shows }) => {
        await prints(/"present"/);
        proxy.refuse(true);
        proxy.cut();
        await shows(/retrying until it answers/);
        await deployment.database.query(
          `DELETE FROM ${deployment.shape.table('session')} WHERE ${deployment.shape.column('id')} = '${ids[0] ?? ''}'`,
        );
        proxy.refuse(false);
        await prints(/"gone"/);
      });
      expect(code).toBe(0);
      expect(told(lines)).toEqual([['gone', 'ended']]);
      expect(stderr.match(/retrying until it answers/g)).toHaveLength(1);
      expect(stderr).toContain('The database answers again.');
    } finally {
      await proxy.stop();
    }
  });

  it('at the first look is an error as everywhere', async () => {
    const url = new URL(serverUrl('postgresql'));
    url.port = '1';
    const { code, stderr } = await runMain(['--url', url.href, 'list', '--watch']);
    expect(code).toBe(4);
    expect(stderr).toMatch(/^error: /);
  });
});

describe('list --watch refuses', () => {
  it.each([
    [['--watch', '0']],
    [['--watch', '0s']],
    [['--watch', 'often']],
    [['--watch=-1']],
    [['--watch', '-o', 'csv']],
    [['--watch', '-o', 'ids']],
    [['--watch', '--wide']],
    [['--watch', '--limit', '5']],
  ])('%j', async (words) => {
    const { code, stdout } = await runMain(['--url', 'sqlite:nothing-there.db', 'list', ...words]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  });
});
