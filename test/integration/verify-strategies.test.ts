import { describe, expect, it } from 'vitest';
import { createApp, password, signUp } from '../support/app.ts';
import { appSecret } from '../support/cookies.ts';
import { createDatabase } from '../support/databases.ts';
import { operatorOn } from '../support/operator.ts';
import { plainShape } from '../support/shapes.ts';

const other = 'another secret of forty characters, unused';
const baseUrl = 'http://localhost:3000';

/** Ada's browser holds a session cookie and a copy, and her session has been ended. */
async function ended(strategy: 'jwt' | 'jwe', afterwards: (drop: () => Promise<void>) => void) {
  const database = await createDatabase('sqlite');
  afterwards(() => database.drop());
  const app = createApp({
    ...(await plainShape('sqlite').install(database)),
    session: { cookieCache: { enabled: true, maxAge: 300, strategy } },
  });
  const ada = await signUp(app, 'Ada', 'ada@example.com');
  const { headers } = await app.api.signInEmail({
    body: { email: ada.email, password },
    returnHeaders: true,
  });
  const cookie = headers
    .getSetCookie()
    .map((line) => line.split(';')[0] ?? '')
    .join('; ');
  const profile = { cookieCacheMaxAge: '5m', cookieCacheStrategy: strategy };
  const done = await operatorOn(database.url, profile).run(['revoke-all', '--user', ada.email, '--yes']);
  expect(done.code, done.stderr).toBe(0);
  expect(await app.api.getSession({ headers: { cookie } }), 'the copy answers').not.toBeNull();
  /** What `verify` says of it with this in the profile. */
  const judged = async (
    auth: { readonly secret?: string; readonly formerSecrets?: readonly string[] },
    change = {},
  ) => {
    const operator = operatorOn(database.url, { ...profile, ...change, auth: { baseUrl, ...auth } });
    const options = { stdin: `Cookie: ${cookie}\n` };
    const { code, stdout } = await operator.run(['verify', '--json'], options);
    const proof = await operator.run(['verify', '--ended'], options);
    return { code, endedCode: proof.code, ...(JSON.parse(stdout) as object) };
  };
  return judged;
}

describe.each(['jwt', 'jwe'] as const)('verify of a copy that %s made', (strategy) => {
  it('says what Better Auth answers from it, and that it has not ended', async ({ onTestFinished }) => {
    const judged = await ended(strategy, onTestFinished);
    expect(await judged({ secret: appSecret })).toMatchObject({
      code: 0,
      endedCode: 1,
      answeredBy: 'cache',
      cache: { state: 'believed', signatureChecked: true },
    });
    const wrong = await judged({ secret: other });
    expect(wrong).toMatchObject({ code: 1, endedCode: 0, cache: { state: 'bad-signature' } });
    // Better Auth signs with the secret in use alone, and decrypts with those before it as well.
    expect(await judged({ secret: other, formerSecrets: [appSecret] })).toMatchObject({
      cache: { state: strategy === 'jwt' ? 'former-secret' : 'believed' },
    });
    expect(await judged({})).toMatchObject({
      endedCode: 1,
      cache: strategy === 'jwt' ? { state: 'believed', signatureChecked: false } : { state: 'no-secret' },
    });
    expect(await judged({ secret: appSecret }, { cookieCacheStrategy: 'compact' })).toMatchObject({
      code: 1,
      endedCode: 1,
      cache: { state: 'other-strategy' },
    });
  });
});
