import { afterEach, describe, expect, it } from 'vitest';
import { catalogueOf } from '../support/catalogue.ts';
import type { TestDatabase } from '../support/databases.ts';
import { dumpTable } from '../support/dump.ts';
import type { Outcome } from '../support/fake-system.ts';
import { operatorOn } from '../support/operator.ts';
import { expectedList, populate } from '../support/population.ts';
import { describeOn } from '../support/servers.ts';
import { deploy, named } from '../support/shapes.ts';

const INDEX = 'sessionctl_session_expires_idx';

const made: TestDatabase[] = [];
afterEach(async () => {
  for (const database of made.splice(0)) await database.drop();
});

/** Expects success, and gives what was printed. */
async function succeeds(running: Promise<Outcome>): Promise<string> {
  const { code, stdout, stderr } = await running;
  expect({ code, stderr }).toEqual({ code: 0, stderr: expect.not.stringContaining('error') as unknown });
  return stdout;
}

describe('a deployment', () => {
  const some = [
    'postgresql: own adapter, renamed tables and fields',
    'postgresql: own adapter, schema auth by search_path',
    'postgresql: Drizzle, timestamp, snake case, usePlural',
    'mysql: own adapter',
    'mysql: own adapter, renamed tables and fields',
    'mysql: Drizzle, timestamp(3), usePlural, no foreign keys',
    'sqlite: own adapter, renamed tables and fields',
    'sqlite: Drizzle, integer milliseconds, snake case',
    'sqlite: own adapter, without a user table',
  ].map(named);
  for (const shape of some) {
    describeOn(shape.dialect, shape.name, () => {
      it('gets a table of sessionctl’s and an index, keeps all of its own, and loses only those', async () => {
        const deployment = await deploy(shape);
        const { database } = deployment;
        made.push(database);
        const population = await populate(deployment);
        const sessions = async () => {
          const stripped = shape.table('session').replaceAll(/["`]/g, '');
          return dumpTable(database, stripped);
        };
        const [catalogue, rows] = [await catalogueOf(database), await sessions()];
        const operator = operatorOn(database.url, shape.profile);

        await succeeds(operator.run(['schema', 'migrate', '--yes']));
        expect(await catalogueOf(database, 'sessionctl_')).toEqual(catalogue);
        expect((await catalogueOf(database)).length).toBeGreaterThan(catalogue.length);
        await succeeds(operator.run(['schema', 'migrate', '--yes', '--expiry-index']));
        const indexed = await succeeds(operator.run(['schema', 'status', '--check']));
        expect(indexed).toMatch(new RegExp(`^done .*${INDEX}`, 'm'));
        expect(await sessions()).toEqual(rows);
        const listed = await succeeds(operator.run(['list', '--json', '--state', 'all']));
        expect(JSON.parse(listed)).toHaveLength((await expectedList(deployment, population)).length);

        await succeeds(operator.run(['schema', 'rollback', '--yes']));
        expect(await catalogueOf(database)).toEqual(catalogue);
        expect(await sessions()).toEqual(rows);
        expect((await operator.run(['schema', 'rollback', '--yes'])).stderr).toBe(
          'There is nothing to do.\n',
        );
      });
    });
  }
});
