import { createServer } from 'node:net';
import { expect, it, type TestContext } from 'vitest';
import { createRedactor } from '../../../src/redaction.ts';
import { connectRedis } from '../../../src/store/redis/connect-redis.ts';
import { crowdInRedis } from '../../support/crowd-in-redis.ts';
import { operatorOn } from '../../support/operator.ts';
import { missingRedisServer, startPrivateRedis } from '../../support/private-redis.ts';
import { startPrivateSentinel } from '../../support/private-sentinel.ts';
import { keySpaceIn } from '../../support/redis.ts';
import { describeUnless } from '../../support/servers.ts';

const PREFIX = 'app:';
const rights = '+get +set +mget +getrange +exists +pttl +scan +unlink +eval';
const withNumber = (url: string, database: number) => `${url.replace(/\/\d*$/, '')}/${String(database)}`;

/** A server with somebody who may not select, and somebody who may. */
async function startServer({ onTestFinished }: Pick<TestContext, 'onTestFinished'>) {
  const server = await startPrivateRedis({
    users: [
      { name: 'ops', password: 'ops-password', rules: `~${PREFIX}* ${rights}` },
      { name: 'chooser', password: 'chooser-password', rules: `~${PREFIX}* ${rights} +select` },
    ],
  });
  onTestFinished(() => server.stop());
  const urlOf = (username: string) => server.addressFor({ username, password: `${username}-password` }).url;
  return { server, urlOf };
}

const connected = (
  url: string,
  more: { readonly sentinels?: readonly string[]; readonly connectTimeout?: number } = {},
) =>
  connectRedis(
    {
      url,
      keyPrefix: PREFIX,
      tls: null,
      cluster: false,
      sentinels: [],
      sentinelPassword: null,
      settle: 0,
      connectTimeout: 5000,
      ...more,
    },
    { redactor: createRedactor(), signal: new AbortController().signal },
  );

describeUnless(missingRedisServer(), 'a number at the end of the Redis URL', () => {
  it('that is refused ends the command before anything: nobody in database 0 is touched', async (context) => {
    const { server, urlOf } = await startServer(context);
    const crowd = await crowdInRedis({
      dialect: 'sqlite',
      mode: 'secondary only',
      storage: 'official',
      space: keySpaceIn(server, PREFIX),
    });
    context.onTestFinished(crowd.end);
    const comingBy = (url: string) =>
      operatorOn(crowd.deployment.database.url, {
        ...crowd.deployment.profile,
        redis: { url, keyPrefix: PREFIX, settle: '0s' },
      });
    const everyone = ['revoke-all', '--everyone', '--yes', '--json', '-q'];
    const forbidden = comingBy(withNumber(urlOf('ops'), 5));
    for (const words of [everyone, ['list', '--json'], ['sweep', '-q']]) {
      const done = await forbidden.run(words);
      expect(done).toMatchObject({ code: 4, stdout: '' });
      expect(done.stderr).toMatch(
        /127\.0\.0\.1:\d+\/5: cannot select database 5: this user may not run SELECT/,
      );
      expect(done.stderr).toContain('+select');
    }
    const absent = await comingBy(withNumber(urlOf('chooser'), 99)).run(everyone);
    expect(absent).toMatchObject({ code: 4, stdout: '' });
    expect(absent.stderr).toMatch(/cannot select database 99: the server has no such database/);
    await crowd.onlyLive(crowd.members);

    // With the right the number counts, and database 0 is another one.
    const empty = await comingBy(withNumber(urlOf('chooser'), 5)).run(['list', '-o', 'ids']);
    expect(empty).toMatchObject({ code: 0, stdout: '' });
    const right = await comingBy(urlOf('ops')).run(everyone);
    expect(right).toMatchObject({ code: 0, stderr: '' });
    await crowd.onlyLive([]);
  });

  it('that is refused after the connection was lost: what is asked then fails', async (context) => {
    const { server, urlOf } = await startServer(context);
    const admin = server.connect();
    context.onTestFinished(() => {
      admin.disconnect();
    });
    await admin.set(`${PREFIX}one`, 'in database 0');
    const { guard, settle, client, close } = await connected(withNumber(urlOf('chooser'), 5));
    expect(await guard(() => client.get(`${PREFIX}one`))).toBeNull();
    await admin.acl('SETUSER', 'chooser', '-select');
    await admin.client('KILL', 'USER', 'chooser');
    const refusal = /cannot select database 5: this user may not run SELECT/;
    await expect(settle(() => client.unlink(`${PREFIX}one`))).rejects.toThrow(refusal);
    await expect(guard(() => client.unlink(`${PREFIX}one`))).rejects.toThrow(refusal);
    expect(await admin.get(`${PREFIX}one`)).toBe('in database 0');
    await close();
  });

  it('is selected again after the connection was lost', async (context) => {
    const { server, urlOf } = await startServer(context);
    const admin = server.connect();
    context.onTestFinished(() => {
      admin.disconnect();
    });
    await admin.set(`${PREFIX}one`, 'in database 0');
    const { settle, client, close } = await connected(withNumber(urlOf('chooser'), 5));
    await admin.client('KILL', 'USER', 'chooser');
    expect(await settle(() => client.unlink(`${PREFIX}one`))).toBe(0);
    expect(await admin.get(`${PREFIX}one`)).toBe('in database 0');
    await close();
  });

  it('counts behind sentinels too', async ({ onTestFinished }) => {
    const sentinel = await startPrivateSentinel();
    onTestFinished(() => sentinel.stop());
    const { url, sentinels = [] } = sentinel.address;
    await expect(connected(withNumber(url, 99), { sentinels })).rejects.toThrow(
      /\/99 of sentinel .*: cannot select database 99: the server has no such database/,
    );
  });
});

it.each([0, 5])(
  'a server that takes connections and never answers is given up in time (number %d)',
  async (number) => {
    const server = createServer(() => undefined);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    const port = address === null || typeof address === 'string' ? 0 : address.port;
    const url = withNumber(`redis://127.0.0.1:${String(port)}`, number);
    await expect(connected(url, { connectTimeout: 500 })).rejects.toThrow(
      `cannot reach Redis 127.0.0.1:${String(port)}/${String(number)}: no answer within the connect timeout`,
    );
    server.close();
  },
);
