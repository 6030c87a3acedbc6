import { expect, it } from 'vitest';
import { crowdOf } from '../support/crowd.ts';
import { manyInRedis } from '../support/many-in-redis.ts';
import { operatorOn } from '../support/operator.ts';
import { describeOn, describeWithRedis, type Dialect } from '../support/servers.ts';
import { deploy, plainShape } from '../support/shapes.ts';
import { networksMeant } from '../../src/sessions/network-meant.ts';

const nearlyAll = ['revoke-all', '--user-agent', 'agent'];

const dialects: readonly Dialect[] = ['postgresql', 'mysql', 'sqlite'];
for (const dialect of dialects) {
  describeOn(dialect, `more than half of all sessions on ${dialect}`, () => {
    it('are ended by --yes where a number or everybody is named, and the plan says which share they are', async () => {
      const { database, shape } = await deploy(plainShape(dialect));
      try {
        const crowd = crowdOf({ database, shape }, { sessions: 1200 });
        await crowd.gather();
        const table = shape.table('session');
        await database.query(
          `UPDATE ${table} SET ${shape.column('ipAddress')} = '203.0.113.9' WHERE id LIKE 'session-%1'`,
        );
        const operator = operatorOn(database.url);
        const run = async (...words: string[]) => operator.run(words);
        const [row] = await database.query(
          `SELECT COUNT(*) AS found FROM ${table} WHERE ${shape.column('ipAddress')} = '203.0.113.9'`,
        );
        const few = Number(row?.['found']);

        const planned = await run(...nearlyAll, '--dry-run');
        expect(planned.stdout).toMatch(/share +100 % of all 1,200 sessions/);
        expect(planned.stderr).toContain('--max-affected 1200 allows it');
        const narrow = await run('revoke-all', '--ip', '203.0.113.5/24', '--dry-run');
        expect(narrow.stdout).toContain(`${String(Math.floor((few / 1200) * 1000) / 10)} % of all 1,200`);
        expect(narrow.stdout).toContain('203.0.113.5/24 means the network 203.0.113.0/24');
        expect(narrow.stderr).not.toContain('half');
        const json = await run(...nearlyAll, '--except-ip', '203.0.113.9', '--dry-run', '--json');
        expect(JSON.parse(json.stdout)).toMatchObject({ matched: 1200 - few, total: 1200 });

        const refused = await run(...nearlyAll, '--except-ip', '203.0.113.9', '--yes');
        expect(refused).toMatchObject({ code: 7, stdout: '' });
        expect(refused.stderr).toContain(`of all 1,200 sessions match, which is more than half`);
        expect(await crowd.count()).toBe(1200);
        expect((await run('history', '--json')).stdout).toContain('more than half');

        const less = await run('revoke-all', '--ip', '203.0.113.9', '--yes', '--json', '-q');
        expect(JSON.parse(less.stdout)).toMatchObject({ revoked: few, total: 1200 });
        expect((await run('limit', '--max', '1', '--dry-run')).stderr).not.toContain('refused');
        const allowed = await run(...nearlyAll, '--yes', '--max-affected', '1200', '--json', '-q');
        expect(JSON.parse(allowed.stdout)).toMatchObject({ revoked: 1200 - few, total: 1200 - few });
      } finally {
        await database.drop();
      }
    });
  });
}

it('fewer than a hundred sessions are ended as before, and 51 of a hundred are not', async () => {
  const { database, shape } = await deploy(plainShape('sqlite'));
  try {
    const operator = operatorOn(database.url);
    const spare = `UPDATE session SET userAgent = 'spared' WHERE rowid > `;
    await crowdOf({ database, shape }, { sessions: 100 }).gather();
    await database.query(`${spare} (SELECT min(rowid) + 50 FROM session)`);
    const words = ['revoke-all', '--user-agent', 'agent of', '--yes', '-q'];
    expect((await operator.run(words)).code).toBe(7);
    const sitting = operator.sitDown(words.filter((word) => word !== '--yes'));
    await sitting.shows(/Type 51/);
    sitting.type('\x03');
    await sitting.ended;
    await crowdOf({ database, shape }, { sessions: 99 }).gather();
    expect((await operator.run(words)).code).toBe(0);
  } finally {
    await database.drop();
  }
});

describeWithRedis('sqlite', 'more than half of all sessions in Redis', () => {
  it('are counted there', async () => {
    const many = await manyInRedis({ dialect: 'sqlite', mode: 'secondary only', storage: 'official' }, 150);
    const { deployment } = many;
    try {
      await many.gather();
      const operator = operatorOn(deployment.database.url, deployment.profile);
      const words = ['revoke-all', '--user-agent', 'firefox'];
      const { total, matched } = JSON.parse(
        (await operator.run([...words, '--dry-run', '--json'])).stdout,
      ) as Record<string, number>;
      expect(matched).toBeGreaterThanOrEqual(150);
      expect(total).toBeGreaterThanOrEqual(matched ?? 0);
      expect((await operator.run([...words, '--yes', '-q'])).code).toBe(7);
      expect((await many.left()).inRedis).toBe(total);
    } finally {
      await deployment.drop();
    }
  });
});

it.each([
  ['203.0.113.5/24', ['203.0.113.5/24 means the network 203.0.113.0/24']],
  ['2001:db8::5/64', ['2001:db8::5/64 means the network 2001:db8::/64']],
  ['2001:db8::5/80', []],
  ['203.0.113.0/24', []],
  ['203.0.113.5', []],
  ['2001:0db8:0000::/64', []],
])('%s', (text, meant) => {
  expect(networksMeant({ ip: [text] }, 64)).toEqual(meant);
  expect(networksMeant({ exceptIp: [text] }, 64)).toEqual(meant);
});
