import { createHash } from 'node:crypto';
import { chmodSync, readFileSync, readdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import BetterSqlite3 from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { everySession, signIn, signUp } from '../support/app.ts';
import type { SqliteDatabase } from '../support/databases.ts';
import { runSessionctl, unprivileged, writeConfig, type RunOptions } from '../support/run-sessionctl.ts';
import { deploy, plainShape, type Deployment } from '../support/shapes.ts';

describe('a SQLite file that list only reads', () => {
  let deployment: Deployment;
  let database: SqliteDatabase;
  let ids: readonly string[];

  beforeEach(async () => {
    deployment = await deploy(plainShape('sqlite'));
    if (deployment.database.dialect !== 'sqlite') throw new Error('this is about SQLite');
    database = deployment.database;
    const person = await signUp(deployment.app, 'Ada', 'ada@example.com');
    for (const userAgent of ['one', 'two'])
      await signIn(deployment.app, person, { ip: '192.0.2.1', userAgent });
    ids = (await everySession(deployment.app, [person.id])).map(({ id }) => id).sort();
  });
  afterEach(async () => {
    chmodSync(dirname(database.file), 0o700);
    await database.drop();
  });

  /** Every file beside the database: its name, its time and a hash of what it holds. */
  const contents = () =>
    readdirSync(dirname(database.file)).map((name) => {
      const file = join(dirname(database.file), name);
      const hash = createHash('sha256').update(readFileSync(file)).digest('hex');
      return { name, hash, changed: statSync(file).mtimeMs };
    });

  const listed = async (options: RunOptions = {}) => {
    const { code, stdout, stderr } = await runSessionctl(
      ['--url', database.url, 'list', '-o', 'ids'],
      options,
    );
    expect({ code, stderr }).toMatchObject({ code: 0 });
    return stdout.trimEnd().split('\n').sort();
  };

  const expectRefusal = async () => {
    const { code, stdout, stderr } = await runSessionctl(['--url', database.url, 'list'], unprivileged);
    expect({ code, stdout, stderr }).toEqual({
      code: 4,
      stdout: '',
      stderr: expect.stringMatching(/auth\.db/) as unknown,
    });
  };

  it('is the same afterwards, with nothing beside it', async () => {
    const before = contents();
    expect(await listed()).toEqual(ids);
    expect(contents()).toEqual(before);
  });

  it('is the same afterwards in WAL mode, too, where nobody has it open', async () => {
    database.connection.pragma('journal_mode = WAL');
    database.connection.close();
    const before = contents();
    expect(before.map(({ name }) => name)).toEqual(['auth.db']);
    expect(await listed()).toEqual(ids);
    expect(contents()[0]).toEqual(before[0]);
  });

  it('is read with what only the WAL holds, while another connection is at work', async () => {
    database.connection.pragma('journal_mode = WAL');
    database.connection.pragma('wal_autocheckpoint = 0');
    await database.query(`UPDATE session SET id = id || '-in-the-wal'`);
    database.connection.exec(`BEGIN IMMEDIATE; UPDATE session SET id = id || '-not-yet'`);
    const unchanged = () => contents().filter(({ name }) => !name.endsWith('-shm'));
    const before = unchanged();
    expect(before.map(({ name }) => name)).toEqual(['auth.db', 'auth.db-wal']);
    expect(await listed()).toEqual(ids.map((id) => `${id}-in-the-wal`));
    expect(unchanged()).toEqual(before);
    database.connection.exec('ROLLBACK');
  });

  it('may be read-only itself, in a directory that is', async () => {
    chmodSync(database.file, 0o444);
    chmodSync(dirname(database.file), 0o555);
    expect(await listed(unprivileged)).toEqual(ids);
  });

  it('is refused with 4 in WAL mode, in a directory where SQLite cannot put the files that it then needs', async () => {
    database.connection.pragma('journal_mode = WAL');
    database.connection.close();
    chmodSync(database.file, 0o444);
    chmodSync(dirname(database.file), 0o555);
    await expectRefusal();
  });

  it('is refused with 4 where it may not be read', async () => {
    chmodSync(database.file, 0o000);
    chmodSync(dirname(database.file), 0o555);
    await expectRefusal();
  });

  it('is refused with 4 while somebody has locked all of it', async () => {
    database.connection.pragma('locking_mode = EXCLUSIVE');
    database.connection.exec('BEGIN EXCLUSIVE');
    const impatient = writeConfig({ connectTimeout: '1s' });
    const { code, stdout, stderr } = await runSessionctl(['--config', impatient, 'list'], {
      env: { DATABASE_URL: database.url },
    });
    expect({ code, stdout, stderr }).toEqual({
      code: 4,
      stdout: '',
      stderr: expect.stringMatching(/lock|busy/i) as unknown,
    });
    database.connection.exec('ROLLBACK');
  });

  it('is not spoilt by a schema that another connection is changing', async () => {
    const other = new BetterSqlite3(database.file);
    other.exec('ALTER TABLE session ADD COLUMN "addedLater" text');
    expect(await listed()).toEqual(ids);
    other.close();
  });
});
