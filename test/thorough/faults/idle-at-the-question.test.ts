import { afterEach, expect, it } from 'vitest';
import { signIn, signUp, type SignIn } from '../../support/app.ts';
import { appSecret } from '../../support/doctor.ts';
import { operatorOn } from '../../support/operator.ts';
import { deploySecondary, whichAnswer } from '../../support/secondary.ts';
import { describeOn, describeWithRedis, serverUrl } from '../../support/servers.ts';
import { deploy, plainShape } from '../../support/shapes.ts';
import { startProxy, type TcpProxy } from '../../support/tcp-proxy.ts';
import { servers } from '../../support/faults.ts';

const open: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close();
});
const proxyTo = async (url: string): Promise<TcpProxy> => {
  const proxy = await startProxy(url);
  open.push(proxy.stop);
  return proxy;
};
const auth = { secret: appSecret, baseUrl: 'http://localhost:3000' };
/** One question after the other on the same stream, as no prompt that draws leaves it. */
const plain = { env: { TERM: 'dumb' } };
const client = { ip: '192.0.2.1', userAgent: 'curl/8.1' };

/** As a server with an idle timeout does, a pooler, or a router that forgets. */
for (const dialect of servers) {
  describeOn(dialect, `${dialect}: every connection is dropped while the question is open`, () => {
    const prepared = async () => {
      const deployment = await deploy(plainShape(dialect));
      open.push(() => deployment.database.drop());
      const person = await signUp(deployment.app, 'Ada', 'ada@example.com');
      const signIns: SignIn[] = [];
      for (let n = 0; n < 3; n += 1) signIns.push(await signIn(deployment.app, person, client));
      const proxy = await proxyTo(deployment.database.url);
      const operator = operatorOn(proxy.url, { timeZone: 'UTC', auth });
      const answering = async () => (await whichAnswer(deployment.app, signIns)).length;
      return { proxy, operator, answering };
    };

    it.each([
      { words: ['revoke-all', '--user', 'ada@example.com'], question: /End these 3/, left: 0 },
      { words: ['limit', '--max', '1'], question: /End these 2/, left: 1 },
      { words: ['create', '--user', 'ada@example.com', '--reason', 'x'], question: /Create this/, left: 3 },
      { words: ['schema', 'migrate'], question: /Change the schema/, left: 3 },
    ])('$words goes on after the answer', async ({ words, question, left }) => {
      const { proxy, operator, answering } = await prepared();
      const sitting = operator.sitDown([...words, '--json'], plain);
      await sitting.shows(question);
      proxy.cut();
      sitting.type('y\n');
      const { code, stderr } = await sitting.ended;
      expect({ code, stderr }).toMatchObject({ code: 0 });
      expect(await answering()).toBe(left);
    });

    it('revoke --user goes on after the ticks', async () => {
      const { proxy, operator, answering } = await prepared();
      const sitting = operator.sitDown(['revoke', '--user', 'ada@example.com', '--json'], plain);
      await sitting.shows(/Numbers, with spaces between:/);
      proxy.cut();
      sitting.type('1\n');
      await sitting.shows(/End this session/);
      proxy.cut();
      sitting.type('y\n');
      const { code, stderr } = await sitting.ended;
      expect({ code, stderr }).toMatchObject({ code: 0 });
      expect(await answering()).toBe(2);
    });

    it('where the answer is no, nothing was changed, and it says so', async () => {
      const { proxy, operator, answering } = await prepared();
      const sitting = operator.sitDown(['revoke-all', '--user', 'ada@example.com'], plain);
      await sitting.shows(/End these 3/);
      proxy.cutForGoodWhen(() => true);
      proxy.cut();
      sitting.type('n\n');
      const { code, stderr } = await sitting.ended;
      expect(code).toBe(130);
      expect(stderr).toMatch(/cancelled, nothing was changed/);
      expect(await answering()).toBe(3);
    });
  });
}

describeWithRedis('sqlite', 'Redis: the connection is dropped while the question is open', () => {
  it('goes on after the answer', async () => {
    const deployment = await deploySecondary({ dialect: 'sqlite', mode: 'both', storage: 'official' });
    open.push(deployment.drop);
    const person = await signUp(deployment.app, 'Ada', 'ada@example.com');
    const signIns = [
      await signIn(deployment.app, person, client),
      await signIn(deployment.app, person, client),
    ];
    const proxy = await proxyTo(serverUrl('redis'));
    const { redis } = deployment.profile;
    const operator = operatorOn(deployment.database.url, {
      ...deployment.profile,
      ...(redis === undefined ? {} : { redis: { ...redis, url: proxy.url } }),
    });
    const sitting = operator.sitDown(['revoke-all', '--everyone', '--json'], plain);
    await sitting.shows(/Type 2/);
    proxy.cut();
    sitting.type('2\n');
    const { code, stderr } = await sitting.ended;
    expect({ code, stderr }).toMatchObject({ code: 0 });
    expect(await whichAnswer(deployment.app, signIns)).toEqual([]);
  });
});
