import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { signIn, signUp, type App, type Person, type SignIn } from '../support/app.ts';
import { operatorOn, type Operator } from '../support/operator.ts';
import { deploySecondary, whichAnswer } from '../support/secondary.ts';
import { describeOn, describeOnRedis, type Dialect } from '../support/servers.ts';
import { deploy, ownShape, type Deployment } from '../support/shapes.ts';

const AGENTS = ['ÄRGER/1', 'ärger/2', 'KÖLN', 'İstanbul', '\u212aelvin', 'ΣΊΣΥΦΟΣ', 'Жук', 'plain'];

/** A piece of a user agent, and the places of those that contain it. */
const SEARCHES: readonly (readonly [text: string, found: readonly number[]])[] = [
  ['ärger', [0, 1]],
  ['ÄRGER/', [0, 1]],
  ['argeR', []],
  ['köln', [2]],
  ['istanbul', []],
  ['STANBUL', [3]],
  ['kelvin', []],
  ['σίσυφοσ', [5]],
  ['жУК', [6]],
  ['PLAIN', [7]],
];

async function searchesAgree(app: App, operator: Operator): Promise<void> {
  const ada = await signUp(app, 'Ada', 'ada@example.com');
  // A header holds Latin letters only; other code writes more.
  const { internalAdapter } = await app.$context;
  for (const [at, userAgent] of AGENTS.entries()) {
    const { token } = await signIn(app, ada, { ip: `203.0.113.${String(at + 1)}`, userAgent: 'later' });
    await internalAdapter.updateSession(token, { userAgent });
  }
  const all = JSON.parse((await operator.run(['list', '--json'])).stdout) as readonly {
    readonly userAgent: string;
  }[];
  expect(all.map(({ userAgent }) => userAgent).sort()).toEqual([...AGENTS].sort());
  for (const [text, found] of SEARCHES) {
    const { stdout, stderr, code } = await operator.run(['list', '--json', '--user-agent', text]);
    expect(code, stderr).toBe(0);
    const agents = (JSON.parse(stdout) as typeof all).map(({ userAgent }) => userAgent);
    expect({ text, agents: agents.sort() }).toEqual({
      text,
      agents: found.map((at) => AGENTS[at] ?? '').sort(),
    });
  }
}

/** Gives the columns a collation to which A is a. On PostgreSQL it takes several texts for equal. */
const insensitive: Readonly<Record<Dialect, (deployment: Deployment) => Promise<void>>> = {
  postgresql: async ({ database }) => {
    await database.query(
      `CREATE COLLATION any_case (provider = icu, locale = 'und-u-ks-level2', deterministic = false)`,
    );
    await database.query('ALTER TABLE session DROP CONSTRAINT "session_userId_fkey"');
    for (const column of ['id', '"userId"', 'token', '"userAgent"', '"ipAddress"'])
      await database.query(`ALTER TABLE session ALTER ${column} TYPE text COLLATE any_case`);
    for (const column of ['id', 'email'])
      await database.query(`ALTER TABLE "user" ALTER ${column} TYPE text COLLATE any_case`);
  },
  mysql: () => Promise.resolve(),
  sqlite: async ({ database }) => {
    // The only way to another collation is a table that is made anew.
    const [{ sql = '' } = {}] = (await database.query(
      `SELECT sql FROM sqlite_master WHERE name = 'session'`,
    )) as { sql?: string }[];
    await database.query('ALTER TABLE session RENAME TO session_before');
    await database.query(sql.replaceAll(/("(?:id|token|userId|userAgent)" text)/g, '$1 COLLATE NOCASE'));
    await database.query('DROP TABLE session_before');
  },
};

const swapped = (text: string) =>
  text.replaceAll(/[a-z]/gi, (letter) =>
    letter === letter.toLowerCase() ? letter.toUpperCase() : letter.toLowerCase(),
  );

describe.each(['postgresql', 'mysql', 'sqlite'] as const)('on %s', (dialect) => {
  describeOn(dialect, 'a collation to which A is a', () => {
    let deployment: Deployment;
    let operator: Operator;
    let ada: Person;
    let signedIn: SignIn;

    beforeAll(async () => {
      deployment = await deploy(ownShape(dialect, 'any case'));
      await insensitive[dialect](deployment);
      ada = await signUp(deployment.app, 'Ada', 'ada@example.com');
      signedIn = await signIn(deployment.app, ada, { ip: '203.0.113.7', userAgent: 'ÄRGER/1' });
      operator = operatorOn(deployment.database.url, { timeZone: 'UTC' });
    });
    afterAll(() => deployment.database.drop());

    test('takes no other id, user or token for the one that was named', async () => {
      const [{ id }] = JSON.parse((await operator.run(['list', '--json'])).stdout) as [{ id: string }];
      expect((await operator.run(['show', swapped(id)])).code).toBe(1);
      expect((await operator.run(['revoke', swapped(id), '--yes'])).code).toBe(1);
      expect((await operator.run(['list', '--user', swapped(ada.id)])).code).toBe(1);
      const pasted = await operator.run(['revoke', '--token-stdin', '--yes'], {
        stdin: `${swapped(signedIn.token)}\n`,
      });
      expect(pasted.code).toBe(1);
      expect(await whichAnswer(deployment.app, [signedIn])).toEqual([signedIn]);
      expect((await operator.run(['list', '--ip', '203.0.113.7', '-o', 'ids'])).stdout).toBe(`${id}\n`);
      for (const words of [['show', id], ['list', '--user', ada.id, '--user-agent', 'ärger'], ['stats']])
        expect(await operator.run(words)).toMatchObject({ code: 0 });
      expect((await operator.run(['list', '--user', 'ADA@example.com', '-o', 'ids'])).stdout).toBe(`${id}\n`);
      expect((await operator.run(['revoke', id, '--yes'])).code).toBe(0);
      expect(await whichAnswer(deployment.app, [signedIn])).toEqual([]);
    });
  });

  describeOn(dialect, 'letters beyond ASCII', () => {
    test('are found in any case, whatever the locale', async () => {
      const { database, app } = await deploy(ownShape(dialect, 'letters'));
      if (dialect === 'postgresql')
        await database.query(
          'ALTER TABLE session ALTER "userAgent" TYPE text COLLATE "C"; ALTER TABLE "user" ALTER email TYPE text COLLATE "C"',
        );
      try {
        await searchesAgree(app, operatorOn(database.url, { timeZone: 'UTC' }));
        await database.query(
          dialect === 'mysql'
            ? `UPDATE user SET email = 'ÅSA@example.com'`
            : `UPDATE "user" SET email = 'ÅSA@example.com'`,
        );
        const operator = operatorOn(database.url, { timeZone: 'UTC' });
        const found = await operator.run(['list', '--user', 'åsa@Example.com', '-o', 'ids']);
        expect(found.stdout.trim().split('\n')).toHaveLength(AGENTS.length);
        expect((await operator.run(['list', '--user', 'asa@example.com'])).code).toBe(1);
      } finally {
        await database.drop();
      }
    });
  });
});

describeOnRedis('letters beyond ASCII in Redis', () => {
  test('are found as in a database', async () => {
    const deployment = await deploySecondary({
      dialect: 'sqlite', mode: 'secondary only', storage: 'official',
    }); // prettier-ignore
    try {
      await searchesAgree(deployment.app, operatorOn(deployment.database.url, deployment.profile));
    } finally {
      await deployment.drop();
    }
  });
});
