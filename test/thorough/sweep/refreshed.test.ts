import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it, onTestFinished } from 'vitest';
import { signUp } from '../../support/app.ts';
import type { TestDatabase } from '../../support/databases.ts';
import { servers } from '../../support/faults.ts';
import { allTokenKinds, issueTokens, oauthShapes, tokenKinds, tokensOf } from '../../support/oauth.ts';
import { operatorOn } from '../../support/operator.ts';
import { describeOn } from '../../support/servers.ts';
import { deploy, plainShape, type Deployment } from '../../support/shapes.ts';
import { areIn, day, fill, second, signInAged, sweepWith, truthsOf } from '../../support/sweeping.ts';

/** Better Auth has taken the session for valid, and its refresh is not committed yet. @returns how to commit */
async function refresh({ database, shape }: Deployment, token: string): Promise<() => Promise<void>> {
  const update = `UPDATE session SET ${shape.column('expiresAt')} = ${shape.encode(new Date(Date.now() + day))} WHERE token = '${token}'`;
  if (database.dialect === 'sqlite') {
    await database.query('BEGIN IMMEDIATE');
    await database.query(update);
    return async () => {
      await database.query('COMMIT');
    };
  }
  const connection: { query(sql: string): Promise<unknown>; release(): void } =
    database.dialect === 'postgresql' ? await database.pool.connect() : await database.pool.getConnection();
  await connection.query('BEGIN');
  await connection.query(update);
  return async () => {
    await connection.query('COMMIT');
    connection.release();
  };
}

const waiting = {
  postgresql: `SELECT 1 AS one FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'
                 AND application_name LIKE 'sessionctl%'`,
  mysql: `SELECT 1 AS one FROM information_schema.INNODB_TRX t JOIN information_schema.PROCESSLIST p ON p.ID = t.trx_mysql_thread_id
           WHERE p.DB = DATABASE() AND t.trx_state = 'LOCK WAIT'`,
} as const;

/** Waits until a sweep waits for somebody's lock. */
async function untilItWaits(database: TestDatabase): Promise<void> {
  if (database.dialect === 'sqlite') throw new Error('SQLite does not tell who waits');
  while ((await database.query(waiting[database.dialect])).length === 0) {
    // MariaDB tells the same again to whoever asks more often.
    await sleep(database.dialect === 'mysql' ? 120 : 1);
  }
}

const ways = [
  ['on the walk', false, []],
  ['on the walk, with a limit', false, ['--limit', '3']],
  ['by the index', true, []],
  ['by the index, with a limit', true, ['--limit', '3']],
] as const;

describe.each(servers)('a session that is refreshed while its batch is deleted lives, on %s', (dialect) => {
  describeOn(dialect, 'it', () => {
    for (const withTokens of [false, true]) {
      it.each(ways)(`${withTokens ? 'with OAuth tokens, ' : ''}%s`, async (_title, withIndex, words) => {
        const shape = withTokens
          ? oauthShapes.find(({ name }) => name === `${dialect}: OAuth, own adapter`)
          : plainShape(dialect);
        if (shape === undefined) throw new Error('no such shape');
        const deployment = await deploy(shape);
        const { database } = deployment;
        onTestFinished(() => database.drop());
        const aged = await signInAged(deployment, 'ada@example.com', [
          -3 * second,
          -2 * second,
          -second,
          day,
        ]);
        if (withIndex)
          await fill(deployment, await signUp(deployment.app, 'Crowd', 'crowd@example.com'), 450, day);
        const truths = truthsOf(deployment, [aged.person]);
        const refreshed = aged.signIns[0]?.token ?? '';
        const truth = (await truths()).find(({ token }) => token === refreshed);
        const tokens = withTokens && truth !== undefined ? await issueTokens(deployment, truth) : [];
        const operator = operatorOn(database.url, { timeZone: 'UTC' });
        if (withIndex) {
          await operator.run(['schema', 'migrate', '--expiry-index', '--yes']);
          await database.query(dialect === 'mysql' ? 'ANALYZE TABLE session' : 'ANALYZE session');
        }

        const commit = await refresh(deployment, refreshed);
        const run = operator.run(['sweep', '--json', ...words]);
        await untilItWaits(database);
        await commit();
        const { code, stdout, stderr } = await run;
        expect([0, 6], stderr).toContain(code);
        expect(JSON.parse(stdout)).toMatchObject({ way: withIndex ? 'index' : 'walk' });
        await sweepWith(operator);
        const left = await truths();
        expect(left.map(({ token }) => token).sort()).toEqual(
          [refreshed, ...aged.signIns.slice(3).map(({ token }) => token)].sort(),
        );
        const [isIn] = await areIn(deployment, aged.signIns.slice(0, 1));
        expect(isIn).toBe(true);
        if (!withTokens) return;
        // What hangs on it is as it was.
        const stored = await tokensOf(deployment);
        expect(stored).toHaveLength(allTokenKinds.length);
        for (const { id, kind } of tokens) {
          const one = stored.find((token) => token.id === id);
          expect(one?.sessionId, kind).toBe(tokenKinds[kind].bound ? truth?.id : null);
          expect(one?.revoked !== null, kind).toBe(tokenKinds[kind].revokedBefore);
        }
      });
    }
  });
});

describe('a session that is refreshed while a sweep of SQLite waits lives', () => {
  it.each(ways)('%s', async (_title, withIndex, words) => {
    const deployment = await deploy(plainShape('sqlite'));
    const { database } = deployment;
    onTestFinished(() => database.drop());
    const aged = await signInAged(deployment, 'ada@example.com', [-second, -day, day]);
    if (withIndex)
      await fill(deployment, await signUp(deployment.app, 'Crowd', 'crowd@example.com'), 100, day);
    const operator = operatorOn(database.url);
    if (withIndex) await operator.run(['schema', 'migrate', '--expiry-index', '--yes']);
    const commit = await refresh(deployment, aged.signIns[0]?.token ?? '');
    const run = operator.runBinary(['sweep', '--json', ...words]);
    // By then it has chosen, and waits for the lock again and again.
    await sleep(1500);
    await commit();
    const { code, stdout, stderr } = await run;
    expect(code, stderr).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ way: withIndex ? 'index' : 'walk', deleted: 1, remaining: 0 });
    expect(await areIn(deployment, aged.signIns)).toEqual(aged.signIns.map((_, at) => at !== 1));
  });
});
