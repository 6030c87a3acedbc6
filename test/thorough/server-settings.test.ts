import { randomInt } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createApp, signIn, signUp } from '../support/app.ts';
import { makeAccount, type Account } from '../support/account.ts';
import { openDatabase } from '../support/scene.ts';
import { operatorOn } from '../support/operator.ts';
import { missingMariadb, startPrivateMariadb, type PrivateMariadb } from '../support/private-mariadb.ts';
import { describeUnless, missingServer, type ServerDialect } from '../support/servers.ts';
import { deploy, plainShape, type Deployment } from '../support/shapes.ts';
import { day, hour, signInAged } from '../support/sweeping.ts';

/** What a role, a database or a server may be set to: none of it may decide who is signed in. */
const settings: Readonly<Record<ServerDialect, readonly string[]>> = {
  postgresql: [
    `timezone = 'America/New_York'`,
    `timezone = 'Asia/Kolkata'`,
    `timezone_abbreviations = 'India'`,
    `datestyle = 'German'`,
    `datestyle = 'SQL, DMY'`,
    `intervalstyle = 'sql_standard'`,
    'standard_conforming_strings = off',
    'escape_string_warning = off',
    `backslash_quote = 'off'`,
    'default_transaction_read_only = on',
    `default_transaction_isolation = 'serializable'`,
    `default_transaction_isolation = 'repeatable read'`,
    'default_transaction_deferrable = on',
    `statement_timeout = '1ms'`,
    `lock_timeout = '1ms'`,
    `idle_in_transaction_session_timeout = '50ms'`,
    `bytea_output = 'escape'`,
    'extra_float_digits = -15',
    `client_encoding = 'LATIN1'`,
    `client_encoding = 'SQL_ASCII'`,
    `search_path = 'pg_catalog'`,
    'row_security = off',
    'enable_seqscan = off',
    'enable_indexscan = off',
    'array_nulls = off',
    'transform_null_equals = on',
    'quote_all_identifiers = on',
    `session_replication_role = 'replica'`,
    `plan_cache_mode = 'force_generic_plan'`,
    `client_min_messages = 'debug1'`,
    `xmlbinary = 'hex'`,
    'cursor_tuple_fraction = 0',
    `lc_messages = 'C'`,
  ],
  mysql: [
    `sql_mode = 'ANSI'`,
    `sql_mode = 'ANSI_QUOTES'`,
    `sql_mode = 'NO_BACKSLASH_ESCAPES'`,
    `sql_mode = 'PIPES_AS_CONCAT'`,
    `sql_mode = 'TRADITIONAL'`,
    `sql_mode = 'ORACLE'`,
    `sql_mode = 'EMPTY_STRING_IS_NULL'`,
    `sql_mode = 'PAD_CHAR_TO_FULL_LENGTH'`,
    `sql_mode = 'HIGH_NOT_PRECEDENCE'`,
    `time_zone = '+05:30'`,
    `time_zone = '-05:00'`,
    'sql_safe_updates = 1',
    'sql_select_limit = 2',
    'sql_auto_is_null = 1',
    'sql_big_selects = 0',
    'max_join_size = 1',
    'tx_read_only = 1',
    `tx_isolation = 'SERIALIZABLE'`,
    `tx_isolation = 'READ-UNCOMMITTED'`,
    'autocommit = 0',
    'completion_type = 1',
    `character_set_results = 'latin1'`,
    `character_set_client = 'latin1'`,
    `collation_connection = 'utf8mb4_bin'`,
    'max_statement_time = 0.001',
    'lock_wait_timeout = 1',
    'group_concat_max_len = 4',
    'div_precision_increment = 0',
    'max_sort_length = 64',
    'foreign_key_checks = 0',
    `lc_time_names = 'de_DE'`,
    'default_week_format = 3',
    `old_mode = 'ZERO_DATE_TIME_CAST'`,
  ],
};

const questions: readonly (readonly string[])[] = [
  ['list', '--state', 'all', '--sort', 'createdAt', '--json'],
  ['list', '--ip', '203.0.113.0/24', '-o', 'ids', '--sort', 'id'],
  ['list', '--user-agent', `a'b\\c`, '-o', 'ids', '--sort', 'id'],
  ['list', '--except-ip', '203.0.113.0/24', '--created-after', '2d', '-o', 'ids', '--sort', 'id'],
  ['sweep', '--dry-run', '--json'],
  ['revoke-all', '--user', 'ada@example.com', '--except-ip', '203.0.113.7', '--dry-run', '--json'],
  ['limit', '--max', '1', '--dry-run', '--json'],
];

const rounds = Number(process.env['SESSIONCTL_TEST_ROUNDS'] ?? 2);

/** As the operator is told, without what differs from run to run. */
function answerIn(words: readonly string[], stdout: string): unknown {
  if (!words.includes('--json')) return stdout;
  const told = JSON.parse(stdout) as readonly unknown[] | Readonly<Record<string, unknown>>;
  if (!('matched' in told || 'deleted' in told)) return told;
  const { matched, deleted, users, states } = told;
  return { matched, deleted, users, states };
}

/** Some of them, no two of which set the same. */
function someOf(all: readonly string[]): readonly string[] {
  const chosen = new Map<string, string>();
  for (let n = 0; n < 6; n += 1) {
    const one = all[randomInt(all.length)] ?? '';
    chosen.set(one.split(' ')[0] ?? '', one);
  }
  return [...chosen.values()];
}

async function populate(deployment: Deployment): Promise<void> {
  await signInAged(deployment, 'ada@example.com', [-day, -hour, hour, day]);
  const bob = await signUp(deployment.app, 'Bob', 'bob@example.com');
  for (const [ip, userAgent] of [
    ['203.0.113.7', `a'b\\c %`],
    ['203.0.113.8', 'Firefox'],
    ['198.51.100.1', 'ÄÖÜ'],
  ] as const)
    await signIn(deployment.app, bob, { ip, userAgent });
}

/** Asks everything once as the server is, then with settings; what is not refused must be the same. */
function itAnswersTheSame(
  dialect: ServerDialect,
  scene: () => {
    readonly url: string;
    readonly apply: (chosen: readonly string[]) => Promise<void>;
  },
): void {
  it(`is the same whatever is set (${String(rounds)} times six of ${String(settings[dialect].length)})`, async () => {
    const { url, apply } = scene();
    const operator = operatorOn(url);
    const expected = new Map<readonly string[], unknown>();
    for (const words of questions) {
      const { code, stdout, stderr } = await operator.run(words);
      expect(code, stderr).toBe(0);
      expected.set(words, answerIn(words, stdout));
    }
    expect(new Set([...expected.values()].map((each) => JSON.stringify(each))).size).toBe(questions.length);
    let answered = 0;
    for (let round = 0; round < rounds; round += 1) {
      const chosen = someOf(settings[dialect]);
      await apply(chosen);
      for (const words of questions) {
        const { code, stdout, stderr } = await operator.run(words);
        const about = `${words.join(' ')} with ${chosen.join('; ')}: ${stderr}`;
        expect(stderr, about).not.toMatch(/unexpected|defect/);
        if (code === 0) {
          expect(answerIn(words, stdout), about).toEqual(expected.get(words));
          answered += 1;
        } else {
          expect([4, 5], about).toContain(code);
          expect(stderr, about).toMatch(/error/);
        }
      }
    }
    // A refusal is an answer, but not to everything.
    expect(answered).toBeGreaterThan(0);
  });
}

describeUnless(missingServer('postgresql'), 'what PostgreSQL answers', () => {
  let deployment: Deployment;
  let account: Account;
  beforeAll(async () => {
    deployment = await deploy(plainShape('postgresql'));
    await populate(deployment);
    account = await makeAccount(deployment.database);
    for (const right of ['DELETE', 'UPDATE']) await account.grant(right, 'session');
  });
  afterAll(async () => {
    await account[Symbol.asyncDispose]();
    await deployment.database.drop();
  });

  itAnswersTheSame('postgresql', () => ({
    url: account.url,
    apply: async (chosen) => {
      const role = new URL(account.url).username;
      await deployment.database.query(`ALTER ROLE "${role}" RESET ALL`);
      for (const one of chosen) await deployment.database.query(`ALTER ROLE "${role}" SET ${one}`);
    },
  }));
});

describeUnless(missingServer('mysql') ?? missingMariadb(), 'what MariaDB answers', () => {
  // `init_connect` is the whole server's.
  let server: PrivateMariadb;
  let deployment: Deployment;
  let account: Account;
  beforeAll(async () => {
    server = await startPrivateMariadb();
    const shape = plainShape('mysql');
    const database = openDatabase('mysql', server.url);
    deployment = { shape, database, app: createApp(await shape.install(database)) };
    await populate(deployment);
    account = await makeAccount(database);
    for (const right of ['DELETE', 'UPDATE']) await account.grant(right, 'session');
  });
  afterAll(async () => {
    await deployment.database.drop();
    await server.stop();
  });

  itAnswersTheSame('mysql', () => ({
    url: account.url,
    apply: async (chosen) => {
      const session = `SET SESSION ${chosen.join(', SESSION ')}`;
      await deployment.database.query(`SET GLOBAL init_connect = '${session.replaceAll("'", "''")}'`);
    },
  }));
});
