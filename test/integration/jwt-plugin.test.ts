import { decodeJwt } from 'jose';
import { jwt, type JwtOptions } from 'better-auth/plugins';
import { expect, it } from 'vitest';
import { readAuthFile } from '../../src/config/auth-file/read-auth-file.ts';
import { parseDuration } from '../../src/sessions/duration.ts';
import { temporaryDirectory } from '../config/temporary-directory.ts';
import { signIn, signUp } from '../support/app.ts';
import { oauthShapes } from '../support/oauth.ts';
import { operatorOn } from '../support/operator.ts';
import { describeOn } from '../support/servers.ts';
import { deploy, ownShape, plainShape, type Shape } from '../support/shapes.ts';

const says = 'The JWT plugin (table jwks) hands out tokens';
const unset = 'after 15 minutes unless the application sets expirationTime (jwt_expires_in is not set).';
const ofTheProvider = 'Access tokens of the OAuth provider may be such tokens as well';

for (const dialect of ['postgresql', 'mysql', 'sqlite'] as const) {
  describeOn(dialect, `tokens of the JWT plugin, ${dialect}`, () => {
    const withPlugin = ownShape(dialect, 'with the JWT plugin', { options: { plugins: [jwt()] } });
    const provider = oauthShapes.find((shape) => shape.dialect === dialect) ?? withPlugin;

    it('are named in the plan where there is the plugin, and nowhere else', async ({ onTestFinished }) => {
      for (const [shape, isThere] of [
        [withPlugin, true],
        [provider, true],
        [plainShape(dialect), false],
      ] as const) {
        const { app, database } = await deploy(shape);
        onTestFinished(() => database.drop());
        const ada = await signUp(app, 'Ada', 'ada@example.com');
        await signIn(app, ada, { ip: '192.0.2.1', userAgent: 'Firefox' });
        const plan = await operatorOn(database.url).run(['revoke-all', '--everyone', '--dry-run']);
        expect(plan.code, plan.stderr).toBe(0);
        const said = plan.stdout.replace(/\s+/g, ' ');
        expect(said.includes(says)).toBe(isThere);
        expect(said.includes(unset)).toBe(isThere);
        expect(said.includes(ofTheProvider)).toBe(shape === provider);
        const profile = { auth: { jwtExpiresIn: '1h' } };
        const known = await operatorOn(database.url, profile).run(['revoke-all', '--everyone', '--dry-run']);
        expect(known.stdout.replace(/\s+/g, ' ').includes('until they expire, after 1h.')).toBe(isThere);
      }
    });
  });
}

/** A token that Better Auth issues with these options. */
async function issued(options: JwtOptions, afterwards: (drop: () => Promise<void>) => void) {
  const shape: Shape = ownShape('sqlite', 'with the JWT plugin', { options: { plugins: [jwt(options)] } });
  const { app, database } = await deploy(shape);
  afterwards(() => database.drop());
  const ada = await signUp(app, 'Ada', 'ada@example.com');
  const { cookie } = await signIn(app, ada, { ip: '192.0.2.1', userAgent: 'Firefox' });
  const { getToken } = app.api as unknown as {
    readonly getToken: (input: object) => Promise<{ readonly token: string }>;
  };
  const { exp = 0, iat = 0 } = decodeJwt((await getToken({ headers: { cookie } })).token);
  return { exp, iat };
}

/** What `config init` reads of an application with these options of jwt(). */
async function readOptions(options: string) {
  const { settings, unread } = await readAuthFile(
    temporaryDirectory().write(
      'auth.ts',
      `import { betterAuth } from 'better-auth';
import { jwt } from 'better-auth/plugins';
export const auth = betterAuth({ plugins: [jwt(${options})] });
`,
    ),
  );
  const life = settings.find(({ key }) => key === 'auth.jwt_expires_in')?.value;
  return { life, notes: unread.map(({ option, why }) => `${option} ${why}`) };
}

describeOn('sqlite', 'the lifetime of tokens of the JWT plugin', () => {
  it.for([
    '15m', '2 days', '90 seconds', '1.5h', '1 Hour', '3 weeks', '1 mo', '2 months', '1y', '+20 min', '1 week from now',
  ])('is what Better Auth makes of %j', async (expirationTime, { onTestFinished }) => {
    const { exp, iat } = await issued({ jwt: { expirationTime } }, onTestFinished);
    const { life, notes } = await readOptions(JSON.stringify({ jwt: { expirationTime } }));
    expect(parseDuration(String(life))).toBe((exp - iat) * 1000);
    expect(notes).toEqual([]);
  }); // prettier-ignore

  const moment = 4_102_444_800;
  it.for([
    [
      '3600',
      { jwt: { expirationTime: 3600 } },
      3600,
      'is 3600: for Better Auth a moment in seconds since 1970',
    ],
    [String(moment), { jwt: { expirationTime: moment } }, moment, 'is 4102444800: for Better Auth a moment'],
    [
      'new Date(4102444800000)',
      { jwt: { expirationTime: new Date(moment * 1000) } },
      moment,
      'is made by Date(), which is not run: set jwt_expires_in',
    ],
  ] as const)('a moment is none: %s', async ([text, options, expected, why], { onTestFinished }) => {
    expect((await issued(options, onTestFinished)).exp).toBe(expected);
    const { life, notes } = await readOptions(`{ jwt: { expirationTime: ${text} } }`);
    expect(life).toBeUndefined();
    expect(notes).toEqual([expect.stringContaining(`jwt.expirationTime ${why}`)]);
  });

  it('may be that of a payload of the application', async ({ onTestFinished }) => {
    const options: JwtOptions = { jwt: { expirationTime: '1h', definePayload: () => ({ exp: moment }) } };
    expect((await issued(options, onTestFinished)).exp).toBe(moment);
    const { notes } = await readOptions('{ jwt: { expirationTime: "1h", definePayload: () => payload } }');
    expect(notes).toEqual([
      'jwt.definePayload is not run: if it sets exp, set jwt_expires_in in the auth section of the profile',
    ]);
  });

  it('is not assumed where tokens have none', async ({ onTestFinished }) => {
    const { exp, iat } = await issued({ jwt: { expirationTime: '-1h' } }, onTestFinished);
    expect(exp).toBeLessThan(iat);
    for (const [options, why] of [
      ['{ jwt: { expirationTime: "-1h" } }', 'is "-1h": tokens have expired when they are issued'],
      [
        '{ jwt: { expirationTime: "2 hours ago" } }',
        'is "2 hours ago": tokens have expired when they are issued',
      ],
      ['{ jwt: { expirationTime: "soon" } }', 'is "soon", which Better Auth does not read as a time'],
      ['{ jwt: { expirationTime: process.env.TTL } }', 'depends on the environment: set jwt_expires_in'],
      ['{ jwt: { ...shared } }', 'may be set by the spread in line 3: set jwt_expires_in'],
      ['options', 'is not known, since the options of jwt() cannot be read: set jwt_expires_in'],
    ] as const) {
      const { life, notes } = await readOptions(options);
      expect(life, options).toBeUndefined();
      expect(notes, options).toEqual([expect.stringContaining(`jwt.expirationTime ${why}`)]);
    }
    expect(await readOptions('')).toEqual({ life: undefined, notes: [] });
  });
});
