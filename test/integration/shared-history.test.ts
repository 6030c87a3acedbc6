import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sealRecord } from '../../src/history/history-record.ts';
import { signIn, signUp } from '../support/app.ts';
import { operatorOn, type Operator } from '../support/operator.ts';
import { agents } from '../support/population.ts';
import { describeOn, type Dialect } from '../support/servers.ts';
import { deploy, plainShape, type Deployment } from '../support/shapes.ts';

const dialects: readonly Dialect[] = ['postgresql', 'mysql', 'sqlite'];

interface Run {
  readonly runId: string;
  readonly outcome: string;
  readonly revoked: number | null;
}

interface Verified {
  readonly comparedWith: number | null;
  readonly problems: readonly { readonly kind: string; readonly message: string }[];
  readonly remarks: readonly { readonly line: number; readonly kind: string }[];
}

/** Two operators, each with files of their own, work on one database that keeps a history. */
describe.each(dialects)('the history that a database keeps, on %s', (dialect) => {
  describeOn(dialect, 'of everybody', () => {
    let deployment: Deployment;
    let ada: Operator;
    let bob: Operator;
    const table = dialect === 'mysql' ? '`sessionctl_history`' : '"sessionctl_history"';

    beforeAll(async () => {
      deployment = await deploy(plainShape(dialect));
      const person = await signUp(deployment.app, 'Ada', 'ada@example.com');
      for (const ip of ['203.0.113.7', '203.0.113.8', '203.0.113.9'])
        await signIn(deployment.app, person, { ip, userAgent: agents.curl });
      ada = operatorOn(deployment.database.url);
      bob = operatorOn(deployment.database.url);
    });
    afterAll(async () => {
      await deployment.database.drop();
    });

    const runsSeenBy = async (operator: Operator, ...words: readonly string[]) => {
      const { code, stdout, stderr } = await operator.run(['history', '--json', ...words]);
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      return (JSON.parse(stdout) as readonly Run[]).map(
        ({ outcome, revoked }) => `${outcome} ${String(revoked)}`,
      );
    };

    it('is not there before it is asked for, and nothing misses it', async () => {
      expect(await ada.run(['revoke-all', '--ip', '203.0.113.7', '--yes', '-q'])).toMatchObject({ code: 0 });
      expect(await runsSeenBy(ada)).toEqual(['complete 1']);
      expect(await runsSeenBy(bob)).toEqual([]);
    });

    it('shows each what the others did, and refused', async () => {
      expect(await ada.run(['schema', 'migrate', '--yes'])).toMatchObject({ code: 0 });
      expect(await ada.run(['revoke-all', '--ip', '203.0.113.8', '--yes', '-q'])).toMatchObject({ code: 0 });
      const guarded = ['revoke-all', '--everyone', '--max-affected', '0', '--yes'];
      expect(await bob.run(guarded)).toMatchObject({ code: 7 });
      expect(await runsSeenBy(bob)).toEqual(['refused null', 'complete 1']);
      // The schema is changed before there is a table that could tell of it.
      expect(await runsSeenBy(ada)).toEqual(['refused null', 'complete 1', 'complete null', 'complete 1']);
      expect(await runsSeenBy(bob, '--own')).toEqual(['refused null']);
      // Two of a run, one of a refusal.
      expect(await deployment.database.query(`SELECT event FROM ${table}`)).toHaveLength(3);
    });

    describe('shows what the file alone cannot', () => {
      const verify = async (operator: Operator) => {
        const { code, stdout } = await operator.run(['history', '--verify', '--json']);
        const { comparedWith, problems, remarks } = JSON.parse(stdout) as Verified;
        return { code, comparedWith, problems, remarks };
      };
      const pathOf = (operator: Operator) =>
        join(String(operator.env['XDG_STATE_HOME']), 'sessionctl', 'history.jsonl');
      /** Verifies with another file in the place of the operator's, or none. */
      const verifyWith = async (operator: Operator, change: (lines: readonly string[]) => string | null) => {
        const path = pathOf(operator);
        const before = readFileSync(path, 'utf8');
        const after = change(before.trimEnd().split('\n'));
        if (after === null) rmSync(path);
        else writeFileSync(path, after);
        try {
          return await verify(operator);
        } finally {
          writeFileSync(path, before);
        }
      };

      it('nothing, where both have the same', async () => {
        // Both operators have the same name, so for each the other's record is one of another file.
        expect(await verify(ada)).toMatchObject({
          code: 0,
          comparedWith: 3,
          problems: [],
          remarks: [{ line: 7, kind: 'other-file' }],
        });
        expect((await ada.run(['history', '--verify'])).stdout).toMatch(
          /records, unbroken, from .*\ncompared with 3 records of the database\n$/,
        );
      });

      it('a record that is missing at the end', async () => {
        const { code, problems } = await verifyWith(ada, (lines) => `${lines.slice(0, -1).join('\n')}\n`);
        expect(code).toBe(1);
        expect(problems).toMatchObject([
          { kind: 'missing', message: /^record 6 of run .* but not in this file$/ },
        ]);
      });

      it('a whole run that is missing at the end', async () => {
        const { code, problems } = await verifyWith(ada, (lines) => `${lines.slice(0, -2).join('\n')}\n`);
        expect(code).toBe(1);
        expect(problems.map(({ kind }) => kind)).toEqual(['missing', 'missing']);
      });

      it('a record that was written anew with a matching hash', async () => {
        const { code, problems } = await verifyWith(ada, (lines) => {
          const last = ada.history().at(-1);
          if (last === undefined) throw new Error('there are some');
          const head = { sequence: last.sequence - 1, hash: last.previous };
          const forged = sealRecord({ ...last, revoked: 0 }, head, last);
          return `${[...lines.slice(0, -1), JSON.stringify(forged)].join('\n')}\n`;
        });
        expect(code).toBe(1);
        expect(problems).toMatchObject([{ kind: 'missing' }]);
      });

      it('that the file is gone, as a remark: the records could be of another file', async () => {
        expect(await verifyWith(ada, () => null)).toMatchObject({
          code: 0,
          problems: [],
          remarks: [{ line: 1, kind: 'other-file' }],
        });
      });

      it('and a record that was changed in the database', async () => {
        const set = (from: string, to: string) =>
          deployment.database.query(
            `UPDATE ${table} SET record = replace(record, '"revoked":${from},', '"revoked":${to},') WHERE event = 'finished'`,
          );
        await set('1', '7');
        expect(await verify(bob)).toMatchObject({ code: 1, problems: [{ kind: 'changed' }] });
        await set('7', '1');
        expect((await verify(bob)).code).toBe(0);
      });
    });

    it('where it cannot be written, nothing is ended', async () => {
      const count = async () => {
        const [row] = await deployment.database.query('SELECT count(*) AS sessions FROM session');
        return Number(row?.['sessions']);
      };
      const before = await count();
      expect(before).toBe(1);
      // A table that takes no record, as one that the account may not write.
      await deployment.database.query(refuseRecords(dialect));
      const { code, stderr } = await bob.run(['revoke-all', '--everyone', '--yes', '-q']);
      expect(code).not.toBe(0);
      expect(stderr).toMatch(/nothing was changed/);
      expect(await count()).toBe(before);
    });
  });
});

function refuseRecords(dialect: Dialect): string {
  if (dialect === 'postgresql')
    return 'ALTER TABLE "sessionctl_history" ADD CONSTRAINT full_up CHECK (false) NOT VALID';
  if (dialect === 'mysql')
    return `CREATE TRIGGER full_up BEFORE INSERT ON sessionctl_history FOR EACH ROW SIGNAL SQLSTATE '45000'`;
  return `CREATE TRIGGER full_up BEFORE INSERT ON sessionctl_history BEGIN SELECT RAISE(ABORT, 'full up'); END`;
}
