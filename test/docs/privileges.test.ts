import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { signIn, signUp } from '../support/app.ts';
import { appSecret } from '../support/cookies.ts';
import { crowdInRedis } from '../support/crowd-in-redis.ts';
import type { TestDatabase } from '../support/databases.ts';
import { oauthShapes } from '../support/oauth.ts';
import { operatorOn, type Operator } from '../support/operator.ts';
import { missingRedisServer, startPrivateRedis } from '../support/private-redis.ts';
import { keySpaceIn } from '../support/redis.ts';
import type { TestProfile } from '../support/run-sessionctl.ts';
import { describeOn, describeUnless, type ServerDialect } from '../support/servers.ts';
import { deploy, plainShape, type Deployment } from '../support/shapes.ts';
import { blocksOf } from './documents.ts';

const page = 'docs/security.md';
const roles = ['looker', 'ender', 'sweeper', 'creator', 'migrator'] as const;
type Role = (typeof roles)[number];

/** What a deployment may have that takes rights of its own. */
const kinds = ['plain', 'OAuth provider', 'preserve_in_database'] as const;
type Kind = (typeof kinds)[number];

const titles = { postgresql: 'PostgreSQL', mysql: 'MySQL and MariaDB' } as const;

/** The blocks of the page below a heading. */
const blocksBelow = (title: string, language: string) =>
  blocksOf(page).filter((block) => block.heading === title && block.language === language);

function statementsOf(sql: string): readonly string[] {
  return sql
    .replace(/--.*$/gm, '')
    .split(';')
    .map((statement) => statement.trim())
    .filter((statement) => statement !== '');
}

/** What the words above a block name, where not every deployment has it. */
const needs: Readonly<Record<string, Kind>> = {
  'OAuth provider plugin': 'OAuth provider',
  'API key plugin': 'OAuth provider',
  preserve_in_database: 'preserve_in_database',
};

const isFor = (kind: Kind, above: string) =>
  Object.entries(needs).every(([words, only]) => only === kind || !above.includes(words));

const isAfterMigration = (above: string) => above.includes('After `schema migrate`');

interface Accounts extends AsyncDisposable {
  readonly as: (role: Role) => Operator;
  /** Makes the table of the history, and gives the rights that it takes. */
  readonly migrate: () => Promise<void>;
}

/** Makes the accounts of the page on a database, as somebody would who pastes it block by block. */
async function makeAccounts(
  database: Exclude<TestDatabase, { dialect: 'sqlite' }>,
  kind: Kind,
  profile: TestProfile,
): Promise<Accounts> {
  const suffix = randomBytes(4).toString('hex');
  const password = `p${randomBytes(8).toString('hex')}`;
  const nameOf = (role: Role) => `${role}_${suffix}`;
  const own = (sql: string) =>
    roles
      .reduce((text, role) => text.replaceAll(new RegExp(`\\b${role}\\b`, 'g'), nameOf(role)), sql)
      .replaceAll('change-me', password)
      .replaceAll(/\bapp\./g, `\`${new URL(database.url).pathname.slice(1)}\`.`);
  const as = (role: Role) => {
    const url = new URL(database.url);
    url.username = nameOf(role);
    url.password = password;
    return operatorOn(url.href, profile);
  };
  const isPostgres = database.dialect === 'postgresql';
  const blocks = blocksBelow(titles[database.dialect], 'sql').filter(
    // Which tables there are for these depends on the plugins.
    ({ above }) => isFor(kind, above) && !above.includes('For `--include`'),
  );
  const paste = async (some: typeof blocks) => {
    for (const statement of some.flatMap(({ text }) => statementsOf(text)))
      await database.query(own(statement));
  };
  await paste(blocks.filter(({ above }) => !isAfterMigration(above)));
  return {
    as,
    migrate: async () => {
      expect(await as('migrator').run(['schema', 'migrate', '--yes'])).toMatchObject({ code: 0 });
      const rest = blocks.filter(({ above }) => isAfterMigration(above));
      expect(rest).not.toEqual([]);
      await paste(rest);
    },
    [Symbol.asyncDispose]: async () => {
      for (const role of roles) {
        if (isPostgres) await database.query(`DROP OWNED BY ${nameOf(role)} CASCADE`);
        await database.query(`DROP ${isPostgres ? 'ROLE' : 'USER'} ${nameOf(role)}`);
      }
    },
  };
}

async function deployed(dialect: ServerDialect, kind: Kind): Promise<Deployment> {
  const shape =
    kind === 'OAuth provider'
      ? oauthShapes.find(({ name }) => name === `${dialect}: OAuth, own adapter`)
      : plainShape(dialect);
  if (shape === undefined) throw new Error(`no shape for ${kind}`);
  return deploy(shape);
}

const allowed = { code: 0, stderr: '' } as const;
/** Exit 4 and the right by its name. */
const refused = (right: string) => ({
  code: 4,
  stdout: '',
  stderr: expect.stringContaining(`lacks the right to ${right}`) as unknown,
});

for (const dialect of ['postgresql', 'mysql'] as const) {
  describeOn(dialect, `${page}: ${titles[dialect]}`, () => {
    it.each(kinds)('the rights of each account are enough, and no more than that: %s', async (kind) => {
      const { app, database } = await deployed(dialect, kind);
      if (database.dialect === 'sqlite') throw new Error('SQLite has no accounts');
      try {
        const ada = await signUp(app, 'Ada', 'ada@example.com');
        const client = { ip: '192.0.2.1', userAgent: 'Firefox' };
        for (let count = 0; count < 3; count += 1) await signIn(app, ada, client);
        const preserve = kind === 'preserve_in_database';
        const profile: TestProfile = {
          timeZone: 'UTC',
          auth: { secret: appSecret, baseUrl: 'http://localhost:3000' },
          ...(preserve ? { preserveInDatabase: true } : {}),
        };
        await using accounts = await makeAccounts(database, kind, profile);
        const [looker, ender, sweeper, creator, migrator] = roles.map(accounts.as) as [
          Operator,
          Operator,
          Operator,
          Operator,
          Operator,
        ];

        const listed = await looker.run(['list', '-o', 'ids', '-q']);
        expect(listed).toMatchObject(allowed);
        const ids = listed.stdout.trim().split('\n');
        expect(ids).toHaveLength(3);
        const [first = '', second = ''] = ids;
        expect(await looker.run(['show', first, '-q'])).toMatchObject(allowed);
        // What looks needs the same rights everywhere.
        if (kind === 'plain') {
          expect(await looker.run(['stats', '-q'])).toMatchObject(allowed);
          expect(await looker.run(['verify', '--json', '-q'], { stdin: 'a'.repeat(32) })).toMatchObject({
            code: 1,
          });
          for (const dry of [
            ['revoke-all', '--everyone'],
            ['limit', '--max', '1'],
            ['sweep', '--grace', '1d'],
          ])
            expect(await looker.run([...dry, '--dry-run', '-q'])).toMatchObject({ code: 0 });
        }
        const needed = preserve ? 'UPDATE' : 'DELETE';
        expect(await looker.run(['revoke-all', '--everyone', '--yes', '-q'])).toMatchObject(refused(needed));
        expect(await looker.run(['sweep', '-q', '--grace', '1d'])).toMatchObject(refused('DELETE'));

        const create = ['create', '--user', 'ada@example.com', '--reason', 'TICKET-7', '--yes', '-q'];
        expect(await ender.run(create)).toMatchObject(refused('INSERT'));
        for (const words of [
          ['sweep', '-q', '--grace', '1d', '--verifications'],
          ['revoke-all', '--everyone', '--yes', '-q', '--include', 'trusted-devices'],
        ])
          expect(await ender.run(words)).toMatchObject(refused('DELETE'));
        const answer = await ender.run(['doctor', '--json']);
        const { checks } = JSON.parse(answer.stdout) as {
          readonly checks: readonly { readonly id: string }[];
        };
        expect(checks.find(({ id }) => id === 'database-privileges')).toMatchObject({ status: 'ok' });
        expect(await ender.run(['revoke', first, '--yes', '-q'])).toMatchObject(allowed);
        expect(await ender.run(['limit', '--max', '1', '--yes', '-q'])).toMatchObject(allowed);

        expect(await creator.run(create)).toMatchObject(allowed);
        expect(await creator.run(['revoke', second, '--yes', '-q'])).toMatchObject(refused(needed));

        expect(await sweeper.run(['sweep', '-q', '--grace', '1d', '--verifications'])).toMatchObject(allowed);
        expect(await sweeper.run(create)).toMatchObject(refused('INSERT'));

        expect(await migrator.run(['revoke', second, '--yes', '-q'])).toMatchObject(refused(needed));
        expect(await ender.run(['schema', 'migrate', '--yes', '-q'])).toMatchObject({ code: 4 });
        await accounts.migrate();
        expect(await creator.run(create)).toMatchObject(allowed);
        expect(await sweeper.run(['sweep', '-q', '--grace', '1d'])).toMatchObject(allowed);
        expect(await ender.run(['revoke-all', '--everyone', '--yes', '-q'])).toMatchObject(allowed);
        const recorded = await looker.run(['history', '--json', '-q']);
        expect(recorded).toMatchObject(allowed);
        expect(recorded.stdout).toContain('revoke-all');
        await expect(database.query(`SELECT 1 FROM sessionctl_history`)).resolves.not.toHaveLength(0);
        expect(await ender.run(['schema', 'rollback', '--yes', '-q'])).toMatchObject({ code: 4 });
        expect(await migrator.run(['schema', 'rollback', '--yes', '-q'])).toMatchObject({ code: 0 });
      } finally {
        await database.drop();
      }
    });
  });
}

describe(`${page}: Redis`, () => {
  describeUnless(missingRedisServer(), 'the rights of each account', () => {
    it('are enough, and no more than that', async () => {
      const prefix = 'better-auth:';
      const password = 'change-me';
      const rules = (blocksBelow('Redis', 'redis')[0]?.text ?? '').trim().split('\n');
      const users = rules.map((line) => {
        const [, name = '', own = ''] = /^ACL SETUSER (\w+) on >change-me (.*)$/.exec(line) ?? [];
        return { name, password, rules: own };
      });
      expect(users.map(({ name }) => name)).toEqual(['looker', 'ender', 'sweeper', 'creator']);
      const server = await startPrivateRedis({
        users: [{ name: 'app', password, rules: '~* +@all' }, ...users],
      });
      const crowd = await crowdInRedis({
        dialect: 'sqlite',
        mode: 'both',
        storage: 'official',
        space: keySpaceIn(server, prefix),
      });
      try {
        const as = (username: string) =>
          operatorOn(crowd.deployment.database.url, {
            ...crowd.deployment.profile,
            auth: { secret: appSecret, baseUrl: 'http://localhost:3000' },
            redis: { ...server.addressFor({ username, password }), keyPrefix: prefix, settle: '0s' },
          });
        const [first] = crowd.members;
        const revoke = ['revoke', first?.truth.id ?? '', '--yes', '-q'];
        const create = ['create', '--user', first?.person.email ?? '', '--reason', 'TICKET-7', '--yes', '-q'];
        const refusal = {
          code: 4,
          stdout: '',
          stderr: expect.stringContaining('this user may not run a command') as unknown,
        };
        const looker = as('looker');
        for (const words of [
          ['list'],
          ['stats'],
          ['show', first?.truth.id ?? ''],
          ['revoke-all', '--everyone', '--dry-run'],
        ])
          expect(await looker.run([...words, '-q'])).toMatchObject({ code: 0 });
        expect(await looker.run(revoke)).toMatchObject(refusal);
        expect(await looker.run(['sweep', '-q'])).toMatchObject(refusal);
        expect(await as('creator').run(revoke)).toMatchObject(refusal);
        expect(await as('sweeper').run(['sweep', '-q'])).toMatchObject(allowed);
        expect(await as('ender').run(revoke)).toMatchObject(allowed);
        await crowd.onlyLive(crowd.members.slice(1));
        expect(await looker.run(create)).toMatchObject(refusal);
        expect(await as('creator').run(create)).toMatchObject(allowed);
        expect(await as('ender').run(['revoke-all', '--everyone', '--yes', '-q'])).toMatchObject(allowed);
        await crowd.onlyLive([]);
      } finally {
        await crowd.end();
        await server.stop();
      }
    });
  });
});
