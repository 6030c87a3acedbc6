import { afterAll, expect, it } from 'vitest';
import { signIn, signUp } from '../support/app.ts';
import { operatorOn } from '../support/operator.ts';
import { deploy, ownShape, type Deployment } from '../support/shapes.ts';

const secret = 'a-secret-of-the-application-2026';
let deployment: Deployment;
afterAll(() => deployment.database.drop());

it('the secret of the application is refused as a reason, and kept nowhere', async () => {
  deployment = await deploy(ownShape('sqlite', 'own adapter'));
  const ada = await signUp(deployment.app, 'Ada', 'ada@example.com');
  await signIn(deployment.app, ada, { ip: '203.0.113.7', userAgent: 'one' });
  const operator = operatorOn(deployment.database.url, {
    auth: { secret, baseUrl: 'http://localhost:3000' },
  });
  for (const words of [
    ['revoke-all', '--everyone', '--yes', '--reason', `for ${secret}`],
    ['create', '--user', 'ada@example.com', '--yes', '--reason', secret],
  ]) {
    const { code, stdout, stderr } = await operator.run(words);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(/^error: a secret of the configuration was given/m);
    expect(stderr).not.toContain(secret);
  }
  expect(JSON.stringify(operator.history())).not.toContain(secret);
  const { code } = await operator.run(['revoke-all', '--everyone', '--yes', '--reason', 'a secret leaked']);
  expect(code).toBe(0);
});
