import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { signIn, signUp, type App } from '../support/app.ts';
import { operatorOn, type Operator } from '../support/operator.ts';
import { deploySecondary, type SecondaryDeployment } from '../support/secondary.ts';
import { deploy, ownShape, type Deployment } from '../support/shapes.ts';
import { describeOnRedis } from '../support/servers.ts';

/** Options that select, except or sort, with the field that each needs. */
const needing: readonly (readonly [words: readonly string[], field: string])[] = [
  [['list', '--ip', '203.0.113.7'], 'ipAddress'],
  [['list', '--ip', '203.0.113.7', '-o', 'ids'], 'ipAddress'],
  [['list', '--except-ip', '203.0.113.7'], 'ipAddress'],
  [['list', '--sort', 'ipAddress'], 'ipAddress'],
  [['list', '--sort', 'userAgent:desc', '--json'], 'userAgent'],
  [['list', '--user-agent', 'python'], 'userAgent'],
  [['list', '--impersonated'], 'impersonatedBy'],
  [['list', '--impersonated-by', 'ada@example.com'], 'impersonatedBy'],
  [['list', '--watch', '--sort', 'ipAddress', '-o', 'jsonl'], 'ipAddress'],
  [['stats', '--ip', '203.0.113.7'], 'ipAddress'],
  [['stats', '--user-agent', 'python', '--json'], 'userAgent'],
  [['limit', '--max', '1', '--ip', '203.0.113.7', '--yes'], 'ipAddress'],
  [['limit', '--max', '1', '--except-ip', '203.0.113.7', '--dry-run'], 'ipAddress'],
  [['revoke-all', '--ip', '203.0.113.7', '--yes'], 'ipAddress'],
  [['revoke-all', '--user-agent', 'python', '--yes'], 'userAgent'],
  [['revoke-all', '--impersonated', '--yes'], 'impersonatedBy'],
  [['revoke-all', '--everyone', '--except-ip', '10.0.0.0/8', '--dry-run'], 'ipAddress'],
  [['revoke-all', '--everyone', '--except-ip', '10.0.0.0/8', '--yes'], 'ipAddress'],
];

const client = { ip: '203.0.113.7', userAgent: 'python-requests/2' };

async function signUpAda(app: App): Promise<void> {
  await signIn(app, await signUp(app, 'Ada', 'ada@example.com'), client);
}

async function refusesAll(operator: Operator): Promise<void> {
  for (const [words, field] of needing) {
    const { code, stdout, stderr } = await operator.run(words);
    expect({ words, code, stdout }).toEqual({ words, code: 5, stdout: '' });
    expect(stderr).toContain(`session has no column for ${field}, which`);
    expect(stderr.replaceAll('\\"', '"')).toContain(`[profiles.<name>.schema] columns = { ${field} = "…" }`);
  }
  expect(operator.history()).toEqual([]);
}

describe('a table whose optional columns have names that are not recognised', () => {
  let deployment: Deployment;
  let operator: Operator;

  beforeAll(async () => {
    const fields = { ipAddress: 'ip', userAgent: 'agent' };
    deployment = await deploy(ownShape('sqlite', 'renamed', { options: { session: { fields } } }));
    await signUpAda(deployment.app);
    operator = operatorOn(deployment.database.url);
  });

  afterAll(() => deployment.database.drop());

  test('every option that needs one is refused before anything is done', async () => {
    await refusesAll(operator);
    expect((await operator.run(['list', '--ip', '203.0.113.7'])).stderr).toContain(
      'Not recognised: ip, agent',
    );
    expect(await deployment.database.query('SELECT id FROM session')).toHaveLength(1);
  });

  test('what needs none of them works, and stats says what it does not know', async () => {
    expect((await operator.run(['list', '-o', 'ids'])).code).toBe(0);
    const text = await operator.run(['stats']);
    expect(text.stdout).toContain('not known: the session table has no column for ipAddress');
    const { stdout } = await operator.run(['stats', '--json']);
    expect(JSON.parse(stdout)).toMatchObject({
      sessions: 1, devices: null, systems: null, userAgents: null, addresses: null, networks: null,
    }); // prettier-ignore
    const [{ id = '' } = {}] = (await deployment.database.query('SELECT id FROM session')) as {
      id?: string;
    }[];
    expect((await operator.run(['show', id])).code).toBe(0);
  });

  test('doctor says nothing of addresses, which it does not know', async () => {
    const checksOf = async (who: Operator) => {
      const { stdout } = await who.run(['doctor', '--json']);
      return (JSON.parse(stdout) as { readonly checks: readonly { readonly id: string }[] }).checks.map(
        ({ id }) => id,
      );
    };
    const own = ['shared-address', 'ipv6-subnet'];
    const named = operatorOn(deployment.database.url, { columns: { ipAddress: 'ip', userAgent: 'agent' } });
    expect(await checksOf(named)).toEqual(expect.arrayContaining(own));
    for (const id of await checksOf(operator)) expect(own).not.toContain(id);
  });

  test('the columns that the configuration names are used', async () => {
    const named = operatorOn(deployment.database.url, { columns: { ipAddress: 'ip', userAgent: 'agent' } });
    expect((await named.run(['list', '--ip', '203.0.113.7'])).code).toBe(0);
    expect((await named.run(['list', '--user-agent', 'PYTHON', '--sort', 'ipAddress'])).code).toBe(0);
  });

  test('an e-mail address is no unknown user where no column holds e-mail addresses', async () => {
    await deployment.database.query('ALTER TABLE user RENAME COLUMN email TO mail');
    for (const words of [
      ['list', '--user', 'ada@example.com'],
      ['list', '--sort', 'userEmail'],
    ]) {
      const { code, stderr } = await operator.run(words);
      expect({ words, code }).toEqual({ words, code: 5 });
      expect(stderr).toContain('user_columns = { email = "…" }');
    }
  });
});

describeOnRedis('the same with secondary storage beside the table', () => {
  let deployment: SecondaryDeployment;

  beforeAll(async () => {
    deployment = await deploySecondary({ dialect: 'sqlite', mode: 'both', storage: 'official' });
    await signUpAda(deployment.app);
    await deployment.database.query('ALTER TABLE session RENAME COLUMN ipAddress TO ip');
    await deployment.database.query('ALTER TABLE session RENAME COLUMN userAgent TO agent');
  });

  afterAll(() => deployment.drop());

  test('is refused as well, though Redis knows the values', async () => {
    await refusesAll(operatorOn(deployment.database.url, deployment.profile));
  });
});
