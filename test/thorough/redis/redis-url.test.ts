import { join } from 'node:path';
import { expect, it } from 'vitest';
import { createRedactor } from '../../../src/redaction.ts';
import { connectRedis } from '../../../src/store/redis/connect-redis.ts';
import { describeRedis, parseRedisUrl } from '../../../src/store/redis/redis-location.ts';
import { redisFiles } from '../../support/leftover-redis.ts';
import { missingRedisServer, startPrivateRedis } from '../../support/private-redis.ts';
import { describeUnless } from '../../support/servers.ts';

const noTls = { tls: null, cluster: false, sentinels: [] };

async function connected(url: string) {
  const settings = { ...noTls, keyPrefix: '', sentinelPassword: null, settle: 0, connectTimeout: 5000 };
  const options = { redactor: createRedactor(), signal: new AbortController().signal };
  const { client, place, close } = await connectRedis({ ...settings, url }, options);
  try {
    return { place, found: await client.get('where') };
  } finally {
    await close();
  }
}

describeUnless(missingRedisServer(), 'the URL of a Redis', () => {
  it('is heeded with its parameters, and as the path of a socket', async ({ onTestFinished }) => {
    const server = await startPrivateRedis();
    const socket = join(server.directory, redisFiles.socket);
    onTestFinished(() => server.stop());
    const client = server.connect();
    await client.select(1);
    await client.set('where', 'in 1');
    client.disconnect();
    const at = `localhost:${String(server.port)}`;
    for (const url of [
      `redis://${at}/1?family=0`,
      `redis://${at}/1?family=4&protocol=3&maxRetriesPerRequest=5`,
      `redis://${at}?db=1`,
    ])
      expect(await connected(url)).toEqual({ place: `${at}/1`, found: 'in 1' });
    for (const url of [`unix://${socket}?db=1`, `redis+unix://${socket}?db=1`, `${socket}?db=1`])
      expect(await connected(url)).toEqual({ place: `${socket}/1`, found: 'in 1' });
  });
});

it('asks for no certificate where ssl_cert_reqs says so', () => {
  const of = (url: string) => parseRedisUrl({ url, tls: null });
  expect(of('rediss://default:@db:6380?ssl_cert_reqs=none')).toMatchObject({
    username: 'default',
    password: null,
    port: 6380,
    tls: true,
    unverified: true,
  });
  expect(of('rediss://db?ssl_cert_reqs=required')).toMatchObject({ tls: true, unverified: false });
  expect(describeRedis(of('redis://[::1]:6380/2'), noTls)).toBe('[::1]:6380/2');
});

it.each([
  ['redis://db?family=5', 'family=5'],
  ['redis://db?protocol=4', 'protocol=4'],
  ['redis://db?keyPrefix=app', '"keyPrefix"'],
  ['redis://db?password=SECRET', '"password"'],
  ['redis://db?ssl_cert_reqs=optional', 'ssl_cert_reqs'],
  ['redis://db?ssl_cert_reqs=none', 'no TLS'],
  ['redis://db/1?db=2', 'two databases'],
  ['redis-sentinel://db/mymaster', 'is not a redis://'],
])('%s is refused by name', (url, text) => {
  const refusal = expect.objectContaining({
    exitCode: 3,
    message: expect.stringContaining(text) as string,
    hint: expect.any(String) as string,
  }) as Error;
  expect(() => parseRedisUrl({ url, tls: null })).toThrow(refusal);
});
