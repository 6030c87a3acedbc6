import { statSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { dumpTables } from '../../support/dump.ts';
import { dialects } from '../../support/faults.ts';
import { isActive, issueTokens, oauthShapes, tokenKinds, tokensOf } from '../../support/oauth.ts';
import { operatorOn, secretsOf } from '../../support/operator.ts';
import { describeOn } from '../../support/servers.ts';
import { deploy, named, plainShape, shapes, type Deployment } from '../../support/shapes.ts';
import { crowdOf } from '../../support/crowd.ts';
import {
  areIn,
  day,
  hour,
  second,
  signInAged,
  sweepWith,
  truthsOf,
  reportOf,
} from '../../support/sweeping.ts';

describe('rows that are kept as records', () => {
  for (const dialect of dialects) {
    describeOn(dialect, dialect, () => {
      it('are deleted only where it is said how old', async () => {
        const deployment = await deploy(plainShape(dialect));
        const { database } = deployment;
        onTestFinished(() => database.drop());
        const aged = await signInAged(deployment, 'ada@example.com', [-100 * day, -80 * day, -second, day]);
        const operator = operatorOn(database.url, { preserveInDatabase: true, timeZone: 'UTC' });
        const before = await dumpTables(database);
        for (const words of [[], ['--verifications'], ['--dry-run'], ['--limit', '1']]) {
          const ran = await operator.run(['sweep', ...words]);
          expect(ran).toMatchObject({ code: 2, stdout: '' });
          expect(ran.stderr).toMatch(
            /preserve_in_database keeps expired sessions as records.*\n.*--grace 90d/,
          );
        }
        expect(await dumpTables(database)).toEqual(before);
        expect(operator.history()).toEqual([]);
        expect(await sweepWith(operator, '--grace', '90d')).toMatchObject({ deleted: 1, remaining: 0 });
        const left = await truthsOf(deployment, [aged.person])();
        expect(left.map(({ token }) => token).sort()).toEqual(
          aged.signIns
            .slice(1)
            .map(({ token }) => token)
            .sort(),
        );
        expect(await sweepWith(operator, '--grace', '0s')).toMatchObject({ deleted: 2 });
      });
    });
  }
});

describe('tokens of an OAuth provider', () => {
  for (const shape of oauthShapes) {
    describeOn(shape.dialect, shape.name, () => {
      it('end with the sessions that they are bound to, and offline ones do not', async () => {
        const deployment = await deploy(shape);
        onTestFinished(() => deployment.database.drop());
        const aged = await signInAged(deployment, 'ada@example.com', [-day, day]);
        const truths = await truthsOf(deployment, [aged.person])();
        const issued = await Promise.all(
          aged.signIns.map(async ({ token }) => {
            const truth = truths.find((one) => one.token === token);
            if (truth === undefined) throw new Error('a sign-in without a session');
            return issueTokens(deployment, truth);
          }),
        );
        const operator = operatorOn(deployment.database.url, { timeZone: 'UTC' });
        const ending = Object.values(tokenKinds).filter(({ endsWithSession }) => endsWithSession).length;
        const report = await sweepWith(operator);
        expect(report).toMatchObject({
          deleted: 1,
          remaining: 0,
          oauthTokens: { revoked: ending, offlineLeft: null },
        });
        const stored = await tokensOf(deployment);
        for (const [at, tokens] of issued.entries()) {
          for (const token of tokens) {
            const { revokedBefore, endsWithSession } = tokenKinds[token.kind];
            const isEnded = at === 0 && endsWithSession;
            const { model } = tokenKinds[token.kind];
            const revoked = stored.find((one) => one.id === token.id && one.model === model)?.revoked;
            expect(revoked !== null, `${String(at)} ${token.kind}`).toBe(revokedBefore || isEnded);
            if (isEnded) expect(await isActive(deployment, token), token.kind).toBe(false);
          }
        }
        expect(await areIn(deployment, aged.signIns)).toEqual([false, true]);
        expect(operator.sawAny(issued.flat().map(({ value }) => value))).toEqual([]);
      });
    });
  }
});

/** Where the table goes by a name that Better Auth's adapters give it. */
const withVerifications = shapes.filter(({ name }) =>
  [/: own adapter$/, /plural/, /uuid/, /serial/, /Drizzle/, /Prisma/].some((kind) => kind.test(name)),
);

describe('--verifications', () => {
  for (const shape of withVerifications) {
    describeOn(shape.dialect, shape.name, () => {
      let deployment: Deployment;
      const verifications = async () => {
        const { adapter } = await deployment.app.$context;
        const all = await adapter.findMany<{ identifier: string }>({ model: 'verification' });
        return all.map(({ identifier }) => identifier).sort();
      };
      beforeAll(async () => {
        deployment = await deploy(shape);
        const { internalAdapter } = await deployment.app.$context;
        for (const [identifier, age] of [
          ['long ago', -3 * day],
          ['just now', -2 * second],
          ['in a minute', 60 * second],
          ['tomorrow', day],
        ] as const)
          await internalAdapter.createVerificationValue({
            identifier,
            value: `secret of ${identifier}`,
            expiresAt: new Date(Date.now() + age),
          });
      });
      afterAll(() => deployment.database.drop());

      it('deletes those that have expired as well, and only then', async () => {
        const aged = await signInAged(deployment, 'ada@example.com', [-day, day]);
        const all = await verifications();
        expect(all).toHaveLength(4);
        const operator = operatorOn(deployment.database.url, { ...shape.profile, timeZone: 'UTC' });
        expect(await sweepWith(operator)).toMatchObject({ deleted: 1, verifications: null, remaining: 0 });
        expect(await verifications()).toEqual(all);
        expect(await sweepWith(operator, '--verifications', '--dry-run')).toMatchObject({
          remaining: 2,
          remainingVerifications: 2,
        });
        expect(await sweepWith(operator, '--dry-run')).toMatchObject({ remainingVerifications: null });
        const { stdout } = await operator.run(['sweep', '--verifications', '--dry-run']);
        expect(stdout).toMatch(/^dry run: 2 rows \(2 verifications among them\) that had expired by /);
        expect(await sweepWith(operator, '--verifications', '--grace', '2d')).toMatchObject({
          deleted: 0,
          verifications: 1,
          remaining: 0,
          remainingVerifications: 0,
        });
        expect(await verifications()).toEqual(['in a minute', 'just now', 'tomorrow']);
        expect(await sweepWith(operator, '--verifications')).toMatchObject({
          verifications: 1,
          remaining: 0,
        });
        expect(await verifications()).toEqual(['in a minute', 'tomorrow']);
        expect(await areIn(deployment, aged.signIns)).toEqual([false, true]);
        expect(operator.sawAny(['secret of', ...aged.signIns.flatMap(secretsOf)])).toEqual([]);
      });
    });
  }

  it.each([
    ['2', 6],
    ['3', 0],
    ['1', 6],
  ])('count towards --limit %s', async (limit, code) => {
    const deployment = await deploy(plainShape('sqlite'));
    onTestFinished(() => deployment.database.drop());
    await signInAged(deployment, 'ada@example.com', [-day, day]);
    const { internalAdapter } = await deployment.app.$context;
    for (const identifier of ['a', 'b'])
      await internalAdapter.createVerificationValue({
        identifier,
        value: 'x',
        expiresAt: new Date(Date.now() - hour),
      });
    const operator = operatorOn(deployment.database.url);
    const ran = await operator.run(['sweep', '--json', '--verifications', '--limit', limit]);
    expect(ran.code, ran.stderr).toBe(code);
    const { deleted, verifications, stoppedBecause } = reportOf(ran);
    // Either table may come first.
    expect(deleted + (verifications ?? 0)).toBe(Number(limit));
    expect(stoppedBecause).toBe(code === 0 ? 'complete' : 'limit');
    expect(ran.stderr).not.toMatch(/trigger/);
    expect(await sweepWith(operator, '--verifications')).toMatchObject({
      deleted: 1 - deleted,
      verifications: 2 - (verifications ?? 0),
    });
  });

  it('says where there is no such table, and another program’s table of that name hinders nobody', async () => {
    const deployment = await deploy(plainShape('postgresql'));
    const { database } = deployment;
    onTestFinished(() => database.drop());
    await signInAged(deployment, 'ada@example.com', [-day, day]);
    await database.query('DROP TABLE verification');
    await database.query(
      'CREATE TABLE verification (id bytea, identifier text, value text, expires_at interval)',
    );
    const operator = operatorOn(database.url);
    expect(await operator.run(['list', '--json'])).toMatchObject({ code: 0 });
    const ran = await operator.run(['sweep', '--json', '--verifications']);
    expect(ran.code, ran.stderr).toBe(0);
    expect(JSON.parse(ran.stdout)).toMatchObject({ deleted: 1, verifications: null });
    expect(ran.stderr).toMatch(/has no verification table that sessionctl knows/);
  });
});

describe('--offline', () => {
  it('SQLite: deletes at once, and --vacuum makes the file smaller', async () => {
    const deployment = await deploy(plainShape('sqlite'));
    const { database } = deployment;
    onTestFinished(() => database.drop());
    if (database.dialect !== 'sqlite') throw new Error('no file');
    await crowdOf(deployment, { sessions: 5000, expired: true }).gather();
    const aged = await signInAged(deployment, 'ada@example.com', [-2 * second, 60 * second, day]);
    const operator = operatorOn(database.url);
    const before = statSync(database.file).size;
    const swept = await sweepWith(operator, '--offline');
    expect(swept).toMatchObject({ deleted: 5001, way: 'offline', batches: 1, remaining: 0 });
    expect(statSync(database.file).size).toBeGreaterThanOrEqual(before);
    expect(await sweepWith(operator, '--offline', '--vacuum')).toMatchObject({ deleted: 0, remaining: 0 });
    expect(statSync(database.file).size).toBeLessThan(before / 2);
    expect(await areIn(deployment, aged.signIns)).toEqual([false, true, true]);
    expect(await database.query('PRAGMA integrity_check')).toEqual([{ integrity_check: 'ok' }]);
  });

  it('SQLite: where VACUUM fails, what had been deleted is told', async () => {
    const deployment = await deploy(plainShape('sqlite'));
    const { database } = deployment;
    onTestFinished(() => database.drop());
    const aged = await signInAged(deployment, 'ada@example.com', [-day, day]);
    const operator = operatorOn(database.url, { connectTimeout: '1s' });
    if (database.dialect !== 'sqlite') throw new Error('not SQLite');
    // VACUUM makes every index anew, and this one needs a function that the application alone has.
    database.connection.function('app_key', { deterministic: true }, String);
    await database.query('CREATE TABLE other (value text)');
    await database.query('CREATE INDEX other_key ON other (app_key(value))');
    const ran = await operator.run(['sweep', '--json', '--offline', '--vacuum']);
    expect(ran.code, ran.stderr).toBe(4);
    expect(JSON.parse(ran.stdout)).toMatchObject({ deleted: 1, stoppedBecause: 'failed', remaining: 0 });
    expect(ran.stderr).toMatch(/1 expired session had been deleted by then/);
    expect(operator.history().map(({ outcome }) => outcome)).toEqual([null, 'failed']);
    expect(await areIn(deployment, aged.signIns)).toEqual([false, true]);
  });

  it.each(['postgresql', 'mysql'] as const)('%s: is refused', async (dialect) => {
    const { database } = await deploy(plainShape(dialect));
    onTestFinished(() => database.drop());
    const operator = operatorOn(database.url);
    for (const words of [['--offline'], ['--offline', '--vacuum'], ['--offline', '--dry-run']])
      expect(await operator.run(['sweep', ...words])).toMatchObject({ code: 2, stdout: '' });
    expect(operator.history()).toEqual([]);
  });
});

describe('tables of another make', () => {
  it('PostgreSQL: partitions, and hundreds of dead pages', async () => {
    const deployment = await deploy(plainShape('postgresql'));
    const { database } = deployment;
    onTestFinished(() => database.drop());
    const { query } = database;
    const aged = await signInAged(deployment, 'ada@example.com', [
      -day,
      -hour,
      -2 * second,
      60 * second,
      day,
    ]);
    await query('ALTER TABLE session RENAME TO old_session');
    await query('CREATE TABLE session (LIKE old_session INCLUDING DEFAULTS) PARTITION BY HASH (id)');
    for (const rest of [0, 1, 2])
      await query(
        `CREATE TABLE session_${String(rest)} PARTITION OF session FOR VALUES WITH (MODULUS 3, REMAINDER ${String(rest)})`,
      );
    const row = (expires: string, count: number) =>
      query(
        `INSERT INTO session (id, token, "userId", "expiresAt", "createdAt", "updatedAt", "userAgent")
           SELECT 'x' || n || md5(random()::text), md5(random()::text), '${aged.person.id}', now() + interval '${expires}', now(), now(), repeat('x', 300)
             FROM generate_series(1, ${String(count)}) n`,
      );
    await row('-2 days', 20_000);
    await query('DELETE FROM session');
    await row('-2 days', 3000);
    await row('2 days', 100);
    await query('INSERT INTO session SELECT * FROM old_session');
    await query('DROP TABLE old_session');
    const operator = operatorOn(database.url);
    const limited = await operator.run(['sweep', '--json', '--limit', '1234']);
    expect(limited.code, limited.stderr).toBe(6);
    expect(JSON.parse(limited.stdout)).toMatchObject({ deleted: 1234 });
    expect(await sweepWith(operator, '--batch-size', '300')).toMatchObject({ deleted: 1769, remaining: 0 });
    expect(await query('SELECT count(*)::int AS found FROM session')).toEqual([{ found: 102 }]);
    expect(await areIn(deployment, aged.signIns)).toEqual([false, false, false, true, true]);
  });

  it('SQLite: WITHOUT ROWID', async () => {
    const deployment = await deploy(named('sqlite: own adapter'));
    const { database } = deployment;
    onTestFinished(() => database.drop());
    const aged = await signInAged(deployment, 'ada@example.com', [
      -day,
      -hour,
      -2 * second,
      60 * second,
      day,
    ]);
    const { query } = database;
    const [made] = await query(`SELECT sql FROM sqlite_master WHERE name = 'session'`);
    await query('ALTER TABLE session RENAME TO old_session');
    await query(`${String(made?.['sql'])} WITHOUT ROWID`);
    await query('INSERT INTO session SELECT * FROM old_session');
    await query('DROP TABLE old_session');
    const operator = operatorOn(database.url);
    const one = await operator.run(['sweep', '--json', '--limit', '1', '--batch-size', '2']);
    expect(one.code, one.stderr).toBe(6);
    expect(JSON.parse(one.stdout)).toMatchObject({ deleted: 1 });
    expect(await sweepWith(operator, '--batch-size', '1')).toMatchObject({ deleted: 2, remaining: 0 });
    expect(await areIn(deployment, aged.signIns)).toEqual([false, false, false, true, true]);
  });
});
