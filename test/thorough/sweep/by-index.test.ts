import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { signUp, type Person } from '../../support/app.ts';
import { literal } from '../../support/databases.ts';
import { dialects } from '../../support/faults.ts';
import { operatorOn, type Operator } from '../../support/operator.ts';
import { describeOn } from '../../support/servers.ts';
import { deploy, named, shapes, type Deployment, type Shape } from '../../support/shapes.ts';
import {
  day,
  fill,
  removesExactly,
  second,
  signInAged,
  sweepWith,
  truthsOf,
  type Aged,
} from '../../support/sweeping.ts';

/** In these, keys and times are of every kind. */
const indexed: readonly Shape[] = shapes.filter(({ name }) =>
  [
    'postgresql: own adapter',
    'postgresql: own adapter, generateId uuid',
    'postgresql: own adapter, generateId serial',
    'postgresql: Drizzle, timestamp, snake case',
    'mysql: own adapter',
    'mysql: Prisma, datetime(3)',
    'sqlite: own adapter',
    'sqlite: Drizzle, integer milliseconds, snake case',
    'sqlite: Prisma, text with an offset',
  ].includes(name),
);

async function analyse({ database }: Deployment, { table }: Shape): Promise<void> {
  if (database.dialect === 'postgresql') await database.query(`ANALYZE ${table('session')}`);
  if (database.dialect === 'mysql') await database.query(`ANALYZE TABLE ${table('session')}`);
}

const ages = [-9 * day, -9 * day, -day, -2 * second, -2 * second, 60 * second, day];

const expiredBy = ({ expiredBy: at }: { readonly expiredBy: string }) => Date.parse(at);

for (const shape of indexed) {
  describeOn(shape.dialect, shape.name, () => {
    let deployment: Deployment;
    let operator: Operator;
    let aged: Aged;
    let crowd: Person;

    beforeAll(async () => {
      deployment = await deploy(shape);
      aged = await signInAged(deployment, 'ada@example.com', ages);
      crowd = await signUp(deployment.app, 'Crowd', 'crowd@example.com');
      await fill(deployment, crowd, 420, 3 * day);
      operator = operatorOn(deployment.database.url, { ...shape.profile, timeZone: 'UTC' });
      const migrated = await operator.run(['schema', 'migrate', '--expiry-index', '--yes']);
      expect(migrated.code, migrated.stderr).toBe(0);
      await analyse(deployment, shape);
    });
    afterAll(() => deployment.database.drop());

    it('finds by the index the few that have expired', async () => {
      const truths = truthsOf(deployment, [aged.person]);
      const few = await removesExactly(truths, expiredBy, () => sweepWith(operator));
      expect(few).toMatchObject({ way: 'index', deleted: 5, remaining: 0 });
      expect(await sweepWith(operator)).toMatchObject({ way: 'index', deleted: 0, batches: 0 });
    });

    it('goes on behind each batch, and behind many of the same moment', async () => {
      await fill(deployment, crowd, 7, -day);
      await analyse(deployment, shape);
      const stopped = await operator.run(['sweep', '--json', '--limit', '2', '--batch-size', '3']);
      expect(stopped.code, stopped.stderr).toBe(6);
      expect(JSON.parse(stopped.stdout)).toMatchObject({ way: 'index', deleted: 2, remaining: 5 });
      expect(await sweepWith(operator, '--batch-size', '2')).toMatchObject({
        way: 'index',
        deleted: 5,
        batches: 3,
        remaining: 0,
      });
    });

    it('finds a great many by the walk', async () => {
      const truths = truthsOf(deployment, [aged.person]);
      await fill(deployment, crowd, 60, -day);
      await analyse(deployment, shape);
      const many = await removesExactly(truths, expiredBy, () => sweepWith(operator));
      expect(many).toMatchObject({ way: 'walk', deleted: 60, remaining: 0 });
    });
  });
}

/** Has the database keep a row from being deleted without an error, where its condition says so. */
async function keepRows({ database, shape }: Deployment, condition: string): Promise<void> {
  const { dialect, query } = database;
  if (dialect === 'postgresql') {
    await query(
      `CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF ${condition} THEN RETURN NULL; END IF; RETURN OLD; END $$`,
    );
    await query(
      `CREATE TRIGGER keep BEFORE DELETE ON ${shape.table('session')} FOR EACH ROW EXECUTE FUNCTION keep()`,
    );
  } else if (dialect === 'sqlite') {
    await query(
      `CREATE TRIGGER keep BEFORE DELETE ON ${shape.table('session')} WHEN ${condition} BEGIN SELECT RAISE(IGNORE); END`,
    );
  } else throw new Error('a trigger of MySQL lets a row go or fails');
}

describe.each([
  'postgresql: own adapter',
  'postgresql: Drizzle, timestamp, snake case',
  'sqlite: own adapter',
])('rows that a trigger keeps (%s)', (name) => {
  const shape = named(name);
  describeOn(shape.dialect, 'they', () => {
    it.each(['UTC', 'America/Los_Angeles', 'Asia/Kolkata'])(
      'are passed over, and told of (in a process in %s)',
      async (zone) => {
        const deployment = await deploy(shape);
        const before = process.env['TZ'];
        try {
          const aged = await signInAged(deployment, 'ada@example.com', [day]);
          await fill(deployment, aged.person, 700, day);
          await fill(deployment, aged.person, 12, -day);
          const { query } = deployment.database;
          const q = shape.column;
          if (shape.dialect === 'postgresql')
            await query(
              `UPDATE ${shape.table('session')} SET ${q('expiresAt')} = ${q('expiresAt')} + interval '456 microseconds'`,
            );
          const operator = operatorOn(deployment.database.url, { ...shape.profile, timeZone: 'UTC' });
          await operator.run(['schema', 'migrate', '--expiry-index', '--yes']);
          await analyse(deployment, shape);
          const [doomed] = await query(
            `SELECT ${q('id')} AS id FROM ${shape.table('session')} WHERE ${q('expiresAt')} < ${shape.encode(new Date())} ORDER BY id LIMIT 1 OFFSET 9`,
          );
          await keepRows(deployment, `OLD.${q('id')} < ${literal(shape.dialect, String(doomed?.['id']))}`);

          process.env['TZ'] = zone;
          const ran = await operator.run(['sweep', '--json', '--batch-size', '4', '--max-runtime', '20s']);
          expect(ran.code, ran.stderr).toBe(1);
          expect(JSON.parse(ran.stdout)).toMatchObject({
            way: 'index',
            deleted: 3,
            remaining: 9,
            stoppedBecause: 'complete',
          });
          expect(ran.stderr).toMatch(
            /9 rows that had expired are still in .*; 3 expired sessions had been deleted.*trigger/,
          );
        } finally {
          process.env['TZ'] = before;
          await deployment.database.drop();
        }
      },
      20_000,
    );
  });
});

describe.each(dialects)('an index that is no help, on %s', (dialect) => {
  describeOn(dialect, 'it', () => {
    it('is not used: one that only contains the expiry', async () => {
      const shape = named(`${dialect}: own adapter`);
      const deployment = await deploy(shape);
      const { database } = deployment;
      const aged = await signInAged(deployment, 'ada@example.com', [-day, day]);
      await fill(deployment, aged.person, 100, day);
      await database.query(
        `CREATE INDEX other ON ${shape.table('session')} (${shape.column('userId')}, ${shape.column('expiresAt')})`,
      );
      await analyse(deployment, shape);
      const operator = operatorOn(database.url, { timeZone: 'UTC' });
      expect(await sweepWith(operator)).toMatchObject({ way: 'walk', deleted: 1, remaining: 0 });
      await database.drop();
    });
  });
});
