import { mkdirSync, mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { catalogue } from '../../src/commands/catalogue.ts';
import { makeAccount, type Account } from '../support/account.ts';
import { everySession, signIn, signUp } from '../support/app.ts';
import { operatorOn, secretsOf, type Operator } from '../support/operator.ts';
import { describeOn } from '../support/servers.ts';
import { deploy, plainShape, type Deployment } from '../support/shapes.ts';

const secret = 'planted-secret-of-the-application';
const former = 'planted-former-secret';
const redisPassword = 'planted-password-of-redis';
const parameter = 'planted-value-of-a-parameter';

/** What each command is run with: what works, and what fails as late as it can. */
const runs: Readonly<Record<string, readonly (readonly string[])[]>> = {
  list: [
    [],
    ['--user', '<secret>'],
    ['-o', 'json', '--state', 'all'],
    ['-o', 'csv'],
    ['--user', 'nobody@example.com'],
    ['--wide'],
  ],
  stats: [[], ['--user-agent', '<secret>', '--json'], ['--json']],
  show: [['<secret>'], ['<id>'], ['<id>', '--json'], ['<token>']],
  verify: [[], ['--json', '--each']],
  create: [['--user', 'ada@example.com', '--dry-run']],
  revoke: [
    ['<id>', '--dry-run'],
    ['<token>', '--yes'],
    ['--token-stdin', '--dry-run'],
    ['<id>', '--yes'],
  ],
  'revoke-all': [
    ['--user', '<token>', '--yes'],
    ['--everyone', '--yes', '--reason', 'INC-7', '--json'],
  ],
  limit: [
    ['--max', '1', '--dry-run'],
    ['--max', '1', '--yes', '--json'],
  ],
  sweep: [[], ['--json', '--metrics-file', '<directory>/m.prom']],
  doctor: [[], ['--json'], ['--cookie-stdin', '--app-url', 'http://127.0.0.1:1']],
  history: [[], ['--json'], ['--verify']],
  'config init': [['--url-env', 'DATABASE_URL', '--file', '<directory>/a.toml', '--no-input']],
  'config show': [[], ['--json'], ['--resolve']],
  'config path': [[]],
  'config check': [[], ['--json']],
  'schema status': [[], ['--check']],
  'schema migrate': [['--dry-run'], ['--yes']],
  'schema rollback': [['--dry-run'], ['--yes']],
  completion: [['bash'], ['zsh'], ['fish']],
  demo: [['<directory>/demo.db']],
};

it('knows of every command', () => {
  expect(Object.keys(runs).sort()).toEqual(catalogue.map(({ words }) => words.join(' ')).sort());
});

for (const dialect of ['postgresql', 'mysql', 'sqlite'] as const) {
  describeOn(dialect, `secrets in every place where one may stand, ${dialect}`, () => {
    let deployment: Deployment;
    let account: Account | undefined;
    let operators: readonly Operator[];
    let planted: readonly string[];
    let pasted: string;
    let id: string;
    let token: string;

    beforeAll(async () => {
      deployment = await deploy(plainShape(dialect));
      const { app, database } = deployment;
      const ada = await signUp(app, 'Ada', 'ada@example.com');
      const signIns = [];
      for (const ip of ['192.0.2.1', '192.0.2.2', '192.0.2.3'])
        signIns.push(await signIn(app, ada, { ip, userAgent: 'Firefox' }));
      // A token whose session has ended cannot be told from an id that is not known.
      const [ended, living] = await everySession(app, [ada.id]);
      if (ended === undefined || living === undefined) throw new Error('nobody has signed in');
      ({ id } = ended);
      ({ token } = living);
      pasted = signIns.map(({ cookie }) => `Cookie: ${cookie}`).join('\n');
      account = dialect === 'sqlite' ? undefined : await makeAccount(database);
      planted = [
        secret,
        former,
        redisPassword,
        parameter,
        ...signIns.flatMap(secretsOf),
        ...(account === undefined ? [] : [account.password]),
      ];
      const auth = {
        secret: '${PLANTED}',
        formerSecrets: ['${PLANTED_FORMER}'],
        baseUrl: 'http://127.0.0.1:1',
      };
      const reading = account?.url ?? `${database.url}?mode=ro`;
      operators = [
        // May read alone, with a password in its URL.
        operatorOn(reading, { auth, timeZone: 'UTC' }),
        // What is asked for is out of reach, or not known.
        operatorOn(`${reading}${reading.includes('?') ? '&' : '?'}unknown_parameter=${parameter}`, { auth }),
        operatorOn(database.url, { auth, redis: { url: 'redis://:${PLANTED_REDIS}@127.0.0.1:1' } }),
        // May change everything, and ends the sessions.
        operatorOn(database.url, { auth, timeZone: 'UTC' }),
      ];
    });
    afterAll(async () => {
      await account?.[Symbol.asyncDispose]();
      await deployment.database.drop();
    });

    it('leave the process by no command, and stand in no file that it writes', async () => {
      const directory = mkdtempSync(join(inject('temporaryDirectory'), 'planted-'));
      const env = { PLANTED: secret, PLANTED_FORMER: former, PLANTED_REDIS: redisPassword };
      const codes = new Set<number>();
      for (const [at, operator] of operators.entries()) {
        mkdirSync(join(directory, String(at)));
        for (const [command, variants] of Object.entries(runs)) {
          for (const variant of variants) {
            const words = variant.map((word) =>
              word
                .replace('<id>', id)
                .replace('<secret>', secret)
                .replace('<token>', token)
                .replace('<directory>', `${directory}/${String(at)}`),
            );
            for (const more of [[], ['--verbose']]) {
              const isAsked = /verify|stdin/.test([command, ...variant].join(' '));
              const { code } = await operator.run([...command.split(' '), ...words, ...more], {
                env,
                cwd: directory,
                stdin: isAsked ? pasted : '',
              });
              codes.add(code);
              expect(operator.sawAny(planted), [command, ...variant, ...more].join(' ')).toEqual([]);
            }
          }
        }
      }
      const files = readdirSync(directory, { recursive: true, encoding: 'utf8' }).filter((name) =>
        /\.\w+$/.test(name),
      );
      expect(files.length).toBeGreaterThan(2);
      for (const name of files) {
        const text = readFileSync(join(directory, name), 'latin1');
        expect(
          planted.filter((one) => text.includes(one)),
          name,
        ).toEqual([]);
      }
      // Otherwise this has proven little.
      for (const code of [0, 1, 2, 3, 4]) expect(codes).toContain(code);
    });
  });
}
