import { admin } from 'better-auth/plugins';
import { expect, it } from 'vitest';
import { crowdInRedis } from '../../support/crowd-in-redis.ts';
import { operatorOn } from '../../support/operator.ts';
import { describeUnless, missingServer } from '../../support/servers.ts';

/** Whatever selects, alone and together. The crowd has signed in just now, from these addresses, with these agents. */
const selections: readonly (readonly string[])[] = [
  [],
  ['--state', 'all'],
  ['--state', 'expired'],
  ['--user', 'ada@example.com'],
  ['--user', 'ADA@example.com', '--user', 'zoe@example.com'],
  ['--ip', '203.0.113.7'],
  ['--ip', '203.0.113.0/25', '--ip', '198.51.100.0/24'],
  ['--ip', '::ffff:192.0.2.44'],
  ['--ip', '2001:db8:aaaa:bbbb:cccc::1'],
  ['--ip', '2001:db8::/32'],
  ['--ip', '0.0.0.0/0'],
  ['--ip', '::/0'],
  ['--user-agent', 'firefox'],
  ['--user-agent', 'FIREFOX', '--user-agent', 'iphone'],
  ['--user-agent', 'ünïcode'],
  ['--user-agent', '%'],
  ['--user-agent', '_'],
  ['--user-agent', 'b\\c'],
  ['--created-after', '1h'],
  ['--created-before', '1h'],
  ['--active-after', '1h'],
  ['--idle-since', '1h'],
  ['--expires-after', '2026-01-01'],
  ['--expires-before', '2100-01-01'],
  ['--impersonated'],
  ['--except-user', 'ada@example.com'],
  ['--except-ip', '203.0.113.0/24'],
  ['--except-ip', '0.0.0.0/0'],
  ['--user', 'ada@example.com', '--ip', '203.0.113.0/24', '--except-ip', '203.0.113.7'],
  ['--user-agent', 'chrome', '--except-user', 'grace@example.com', '--created-after', '1d'],
];

for (const dialect of ['postgresql', 'mysql', 'sqlite'] as const) {
  describeUnless(
    missingServer(dialect) ?? missingServer('redis'),
    `what Redis selects, and ${dialect}`,
    () => {
      it('is the same', async () => {
        const crowd = await crowdInRedis({
          dialect,
          mode: 'both',
          storage: 'official',
          options: { plugins: [admin()] },
        });
        try {
          const { database } = crowd.deployment;
          const onRows = operatorOn(database.url, { timeZone: 'UTC' });
          const idsBy = async (operator: typeof onRows, words: readonly string[]) => {
            const { stdout, stderr, code } = await operator.run([
              'list',
              '-o',
              'ids',
              '--sort',
              'id',
              ...words,
            ]);
            const said = stderr.replace(/^note: The application stores IPv6 addresses as their .*\n/, '');
            expect({ code, said }).toEqual({ code: 0, said: '' });
            return stdout.split('\n').filter((id) => id !== '').sort(); // prettier-ignore
          };
          const counts = new Set<number>();
          for (const words of selections) {
            const ids = await idsBy(onRows, words);
            expect({ words, ids: await idsBy(crowd.operator, words) }).toEqual({ words, ids });
            counts.add(ids.length);
          }
          // Some select nobody, some everybody, and some a few.
          expect(counts.size).toBeGreaterThan(4);
        } finally {
          await crowd.end();
        }
      });
    },
  );
}
