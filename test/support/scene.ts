import { once } from 'node:events';
import { mkdtempSync } from 'node:fs';
import { chmod } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import mysql from 'mysql2/promise';
import pg from 'pg';
import { afterAll, expect, inject } from 'vitest';
import type { HistoryRun } from '../../src/history/history-runs.ts';
import type { RevocationReport } from '../../src/output/revocation-report.ts';
import { createApp } from './app.ts';
import { crowdOf, type Crowd, type CrowdOptions } from './crowd.ts';
import type { Row, TestDatabase } from './databases.ts';
import { oauthShapes } from './oauth.ts';
import { runMain } from './fake-system.ts';
import type { RunResult } from './run-sessionctl.ts';
import type { Dialect, ServerDialect } from './servers.ts';
import { deploy, plainShape, type Deployment, type Shape } from './shapes.ts';
import { startSessionctl, type RunningSessionctl, type StartOptions } from './start-sessionctl.ts';

export interface Outcome extends RunResult {
  /** What stdout says, where it is the report of a revocation. */
  readonly report: RevocationReport | undefined;
}

export interface Running extends Omit<RunningSessionctl, 'ended'> {
  readonly ended: Promise<Outcome>;
  /** Resolves before it changes anything: when it has told what it is about to do, where it tells that, or has ended. */
  readonly begins: Promise<unknown>;
}

export interface How extends StartOptions {
  /** Another way to the database, such as through a proxy or as another user; null for that of the configuration. */
  readonly url?: string | null;
}

/** A deployment with a crowd in it, and an operator with a history of their own. */
export interface Scene extends AsyncDisposable {
  readonly deployment: Deployment;
  readonly crowd: Crowd;
  /** What XDG_STATE_HOME is for the operator. */
  readonly stateHome: string;
  readonly start: (words: readonly string[], how?: How) => Running;
  readonly run: (words: readonly string[], how?: How) => Promise<Outcome>;
  /** Runs it in the test's own process, which is cheaper: for what only follows upon the run that is judged. */
  readonly runHere: (words: readonly string[], how?: Pick<How, 'url'>) => Promise<Outcome>;
  /** Waits until no more than so many sessions are left, or the run has ended. */
  readonly untilLeft: (running: Running, sessions: number) => Promise<void>;
  /** The operator's runs, oldest first; the history has been verified. */
  readonly history: () => Promise<readonly HistoryRun[]>;
}

/** On a database of its own, which is dropped at the end. The crowd has gathered. */
export async function sceneOn(dialect: Dialect, options: CrowdOptions): Promise<Scene> {
  const deployment = await install(dialect, options.withTokens !== undefined, deploy);
  return sceneIn(deployment, options, () => deployment.database.drop());
}

/**
 * On one database for all tests of a file, one after the other; with the tables of the OAuth provider unless told
 * otherwise. Each finds a crowd of its own and an empty history. To be called outside of every test.
 */
export function stageOn(
  dialect: Dialect,
  { withTokens }: { readonly withTokens: boolean } = { withTokens: true },
): (options: CrowdOptions) => Promise<Scene> {
  let deployment: Deployment | undefined;
  afterAll(() => deployment?.database.drop());
  return async (options) => {
    deployment ??= await install(dialect, withTokens, deploy);
    return sceneIn(deployment, options, () => Promise.resolve());
  };
}

/** On the database of a server of the test's own, which may be stopped with everything in it. */
export async function sceneOnServer(
  dialect: ServerDialect,
  url: string,
  options: CrowdOptions,
): Promise<Scene> {
  const database = openDatabase(dialect, url);
  const deployment = await install(dialect, options.withTokens !== undefined, async (shape) => ({
    shape,
    database,
    app: createApp(await shape.install(database)),
  }));
  return sceneIn(deployment, options, () => database.drop());
}

async function install(
  dialect: Dialect,
  withTokens: boolean,
  deployed: (shape: Shape) => Promise<Deployment>,
): Promise<Deployment> {
  if (!withTokens) return deployed(plainShape(dialect));
  const shape = oauthShapes.find(({ name }) => name === `${dialect}: OAuth, own adapter`);
  if (shape === undefined) throw new Error(`no shape with tokens on ${dialect}`);
  const deployment = await deployed(shape);
  // Better Auth leaves these out, and without them every session that goes reads all tokens; MySQL makes them itself.
  if (dialect !== 'mysql') {
    for (const table of ['oauthAccessToken', 'oauthRefreshToken'])
      await deployment.database.query(`CREATE INDEX ${table}_session ON "${table}" ("sessionId")`);
  }
  return deployment;
}

/** A database of a server of the test's own. */
export function openDatabase(dialect: ServerDialect, url: string): TestDatabase {
  if (dialect === 'postgresql') {
    const pool = new pg.Pool({ connectionString: url, max: 3 });
    // The server breaks connections that nobody uses at present.
    pool.on('error', () => undefined);
    return {
      dialect,
      url,
      pool,
      query: async (sql) => (await pool.query<Row>(sql)).rows,
      drop: () => pool.end(),
    };
  }
  const pool = mysql.createPool({ uri: url, connectionLimit: 3, timezone: 'Z' });
  return {
    dialect,
    url,
    pool,
    query: async (sql) => {
      const [rows] = await pool.query(sql);
      return Array.isArray(rows) ? (rows as Row[]) : [];
    },
    drop: () => pool.end(),
  };
}

async function sceneIn(
  deployment: Deployment,
  options: CrowdOptions,
  dispose: () => Promise<void>,
): Promise<Scene> {
  const { database } = deployment;
  const crowd = crowdOf(deployment, options);
  await crowd.gather();
  const stateHome = mkdtempSync(join(inject('temporaryDirectory'), 'state-'));
  // Some tests run the program as a user who owns nothing.
  await chmod(stateHome, 0o777);

  const start: Scene['start'] = (words, { url = database.url, env = {}, ...how } = {}) => {
    const running = startSessionctl([...(url === null ? [] : ['--url', url]), ...words], {
      ...how,
      env: { XDG_STATE_HOME: stateHome, ...env },
    });
    const tells = words.includes('revoke-all');
    const begins = tells
      ? Promise.race([once(running.child.stderr, 'data'), running.ended])
      : Promise.resolve();
    return { ...running, begins, ended: running.ended.then(outcomeOf) };
  };
  const runHere: Scene['runHere'] = async (words, { url = database.url } = {}) =>
    outcomeOf(
      await runMain([...(url === null ? [] : ['--url', url]), ...words], {
        env: { XDG_STATE_HOME: stateHome },
      }),
    );
  const run: Scene['run'] = (words, how) => start(words, how).ended;
  return {
    deployment,
    crowd,
    stateHome,
    start,
    run,
    runHere,
    untilLeft: async (running, sessions) => {
      // Counting takes the database more time than the run does, so it is rare as long as nothing changes.
      await running.begins;
      for (;;) {
        const left = running.isRunning() ? await crowd.count() : 0;
        if (left <= sessions) return;
        await sleep(left < options.sessions ? 2 : 10);
      }
    },
    history: async () => {
      const verified = await runHere(['history', '--verify', '--own']);
      expect(verified).toMatchObject({ code: 0, stderr: '' });
      const { stdout } = await runHere(['history', '--all', '--json']);
      return (JSON.parse(stdout) as readonly HistoryRun[]).toReversed();
    },
    [Symbol.asyncDispose]: dispose,
  };
}

function outcomeOf(result: RunResult): Outcome {
  const { stdout, stderr } = result;
  for (const secret of ['token-of-', 'secret of '])
    expect(stdout + stderr, 'a token in the output').not.toContain(secret);
  const report = stdout.startsWith('{"command"') ? (JSON.parse(stdout) as RevocationReport) : undefined;
  return { ...result, report };
}
