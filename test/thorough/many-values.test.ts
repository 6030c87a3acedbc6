import { afterAll, beforeAll, expect, it } from 'vitest';
import { signIn, signUp } from '../support/app.ts';
import { operatorOn, type Operator } from '../support/operator.ts';
import { deploySecondary, type SecondaryDeployment } from '../support/secondary.ts';
import { describeOn, describeWithRedis } from '../support/servers.ts';
import { deploy, plainShape, type Deployment } from '../support/shapes.ts';

const MOST = 5000;
const clients = [
  { ip: '203.0.113.7', userAgent: 'Firefox/128' },
  { ip: '198.51.100.9', userAgent: 'curl/8' },
  { ip: '192.0.2.1', userAgent: 'ÄÖÜ-Reader' },
] as const;

/** So many values of an option, of which only the last one, if given, is anybody's. */
function given(
  option: string,
  count: number,
  value: (at: number) => string,
  last?: string,
): readonly string[] {
  return Array.from({ length: count }, (_, at) => [
    option,
    at === count - 1 && last !== undefined ? last : value(at),
  ]).flat();
}
const nobodysAgent = (at: number) => `nobody-${String(at)}-agent`;
const nobodysAddress = (at: number) => `10.${String(at >> 8)}.${String(at & 255)}.1`;
const nobodysId = (at: number) => `nobodys-session-${String(at)}`;

function itAnswers(scene: () => { readonly operator: Operator; readonly deployment: Deployment }): void {
  it('as many values as may be given find who is meant', async () => {
    const { operator } = scene();
    const found = async (...words: readonly string[]) => {
      const { code, stdout, stderr } = await operator.run([
        'list',
        '--json',
        '--sort',
        'ipAddress',
        ...words,
      ]);
      expect(code, stderr).toBe(0);
      return (JSON.parse(stdout) as readonly { readonly ipAddress: string }[]).map(
        ({ ipAddress }) => ipAddress,
      );
    };
    const [firefox, curl, reader] = clients.map(({ ip }) => ip);
    expect(await found(...given('--user-agent', MOST, nobodysAgent, 'FIREFOX'))).toEqual([firefox]);
    expect(await found(...given('--user-agent', MOST, nobodysAgent, 'äöü'))).toEqual([reader]);
    expect(await found(...given('--user-agent', MOST, nobodysAgent))).toEqual([]);
    expect(await found(...given('--ip', MOST, nobodysAddress, '198.51.100.0/24'))).toEqual([curl]);
    expect(await found(...given('--except-ip', MOST, nobodysAddress, '198.51.100.9'))).toEqual([
      reader,
      firefox,
    ]);
  });

  it('more are refused before anything is asked', async () => {
    const { operator } = scene();
    for (const [option, value] of [
      ['--user-agent', nobodysAgent],
      ['--ip', nobodysAddress],
      ['--except-ip', nobodysAddress],
      ['--except-session', nobodysId],
    ] as const) {
      const { code, stdout, stderr } = await operator.run(['list', ...given(option, MOST + 1, value)]);
      expect({ code, stdout }, option).toEqual({ code: 2, stdout: '' });
      expect(stderr).toContain(`${option} was given 5001 times; the most is 5000`);
    }
  });
}

async function gather({ app }: Deployment): Promise<void> {
  const ada = await signUp(app, 'Ada', 'ada@example.com');
  for (const client of clients) await signIn(app, ada, client);
}

for (const dialect of ['postgresql', 'mysql', 'sqlite'] as const) {
  describeOn(dialect, `thousands of values, ${dialect}`, () => {
    let deployment: Deployment;
    beforeAll(async () => {
      deployment = await deploy(plainShape(dialect));
      await gather(deployment);
    });
    afterAll(() => deployment.database.drop());
    itAnswers(() => ({ deployment, operator: operatorOn(deployment.database.url) }));
  });
}

describeWithRedis('sqlite', 'thousands of values, Redis alone', () => {
  let deployment: SecondaryDeployment;
  beforeAll(async () => {
    deployment = await deploySecondary({ dialect: 'sqlite', mode: 'secondary only', storage: 'official' });
    await gather(deployment);
  });
  afterAll(() => deployment.drop());
  itAnswers(() => ({ deployment, operator: operatorOn(deployment.database.url, deployment.profile) }));
});
