import { expect, it, onTestFinished } from 'vitest';
import { operatorOn } from '../../support/operator.ts';
import { createKeySpace } from '../../support/redis.ts';
import { modes, officialStorage, profileOf, type Mode } from '../../support/secondary.ts';
import { describeOnRedis } from '../../support/servers.ts';
import { returningApp, type Returning } from '../../support/ways-back.ts';

const used = async ({ ways }: Returning) => {
  const answers: Record<string, boolean> = {};
  for (const [name, use] of Object.entries(ways)) answers[name] = await use();
  return answers;
};

async function deploy(mode: Mode) {
  const space = createKeySpace();
  const client = space.place.connect();
  const deployment = await returningApp('sqlite', {
    options: {
      secondaryStorage: officialStorage(client, space.prefix),
      session: { storeSessionInDatabase: mode !== 'secondary only' },
      verification: { storeInDatabase: mode !== 'secondary only' },
    },
  });
  onTestFinished(async () => {
    client.disconnect();
    await space.drop();
    await deployment.database.drop();
  });
  return { ...deployment, operator: operatorOn(deployment.database.url, profileOf(mode, space)) };
}

describeOnRedis('what lets users in again, with verifications in Redis', () => {
  for (const mode of modes.filter((each) => each !== 'preserved'))
    it(`is counted and ended, of these users alone: ${mode}`, async () => {
      const { operator, returning } = await deploy(mode);
      const ada = await returning('ada@example.com');
      const bea = await returning('bea@example.com');
      const words = ['revoke-all', '--user', 'ada@example.com', '--json'];
      const outlives = (stdout: string) => (JSON.parse(stdout) as { readonly outlives: unknown }).outlives;
      const planned = await operator.run([...words, '--dry-run']);
      expect(outlives(planned.stdout)).toMatchObject({
        verifications: { found: 3, ended: 0 },
        'trusted-devices': { found: 1, ended: 0 },
        'device-codes': { found: 1, ended: 0 },
      });
      const included = ['--include', 'device-codes,verifications,trusted-devices,api-keys'];
      const ran = await operator.run([...words, '--yes', ...included]);
      expect(ran.code, ran.stderr).toBe(0);
      expect(outlives(ran.stdout)).toMatchObject({
        verifications: { found: 3, ended: 3 },
        'trusted-devices': { found: 1, ended: 1 },
      });
      expect(Object.values(await used(ada))).not.toContain(true);
      expect(Object.values(await used(bea))).not.toContain(false);
    });
});
