import { afterAll, beforeAll, expect, it } from 'vitest';
import { operatorOn, type Operator } from './operator.ts';
import { describeOn, type Dialect } from './servers.ts';
import {
  returningApp,
  returningShapes,
  type Returning,
  type ReturningApp,
  type ReturningShape,
  type ReturningShapeName,
} from './ways-back.ts';

const all = 'device-codes,verifications,trusted-devices,oauth-tokens,api-keys';

const used = async ({ ways }: Returning) => {
  const answers: Record<string, boolean> = {};
  for (const [name, use] of Object.entries(ways)) answers[name] = await use();
  return answers;
};
const every = (isOpen: boolean) => ({
  trustedDevice: isOpen,
  device: isOpen,
  apiKey: isOpen,
  magicLink: isOpen,
  signInCode: isOpen,
  passwordReset: isOpen,
});

/** A suite on each database for each of the shapes, by their names. */
export function describeWaysBackOf(names: readonly ReturningShapeName[]): void {
  for (const dialect of ['postgresql', 'mysql', 'sqlite'] satisfies Dialect[]) {
    for (const name of names) {
      const shape: ReturningShape = returningShapes[name];
      describeOn(dialect, name, () => {
        let deployment: ReturningApp;
        let operator: Operator;
        beforeAll(async () => {
          deployment = await returningApp(dialect, shape);
          operator = operatorOn(deployment.database.url);
        });
        afterAll(() => deployment.database.drop());

        const reported = async (...words: readonly string[]) => {
          const ran = await operator.run([...words, '--json']);
          expect(ran.code, ran.stderr).toBe(0);
          return (JSON.parse(ran.stdout) as { readonly outlives: unknown }).outlives;
        };
        const counts = (ended: (kind: string) => boolean) => {
          const found = { 'device-codes': 1, verifications: 3, 'trusted-devices': 1, 'api-keys': 1 };
          const each = Object.entries(found).map(([kind, number]) => [
            kind,
            { found: number, ended: ended(kind) ? number : 0 },
          ]);
          return { ...Object.fromEntries(each), 'oauth-tokens': null } as unknown;
        };

        it('is counted, said in the plan, and works', async () => {
          const ada = await deployment.returning('ada@example.com');
          const words = ['revoke-all', '--user', 'ada@example.com'];
          const { stdout } = await operator.run([...words, '--dry-run']);
          const plan = stdout.replace(/\s+/g, ' ');
          for (const sentence of [
            '1 approved device code of this user can start a new session: --include device-codes ends it.',
            '3 pending verifications of this user (such as a password reset or a sign-in link) stay valid: --include verifications ends them.',
            '1 trusted device of this user can skip the second factor: --include trusted-devices ends it.',
            '1 API key of this user stays valid: --include api-keys disables it.',
          ])
            expect(plan).toContain(sentence);
          expect(await reported(...words, '--dry-run')).toEqual(counts(() => false));
          expect(await reported(...words, '--yes')).toEqual(counts(() => false));
          expect(await ada.sessions()).toBe(0);
          expect(await used(ada)).toEqual(every(true));
        });

        it('is ended by --include, of these users alone', async () => {
          const bea = await deployment.returning('bea@example.com');
          const cyd = await deployment.returning('cyd@example.com');
          const words = ['revoke-all', '--user', 'bea@example.com', '--include', all];
          expect(await reported(...words, '--dry-run')).toEqual(counts(() => false));
          expect(await reported(...words, '--yes')).toEqual(counts(() => true));
          expect(operator.history().at(-1)?.selection).toBe(`--user bea@example.com --include ${all}`);
          expect(await used(bea)).toEqual(every(false));
          expect(await used(cyd)).toEqual(every(true));
        });

        it('is ended as far as it is named, and later where no session is left', async () => {
          const dan = await deployment.returning('dan@example.com');
          const words = ['revoke-all', '--user', 'dan@example.com', '--yes'];
          const first = ['trusted-devices', 'device-codes'];
          const included = first.flatMap((kind) => ['--include', kind]);
          expect(await reported(...words, ...included)).toEqual(counts((kind) => first.includes(kind)));
          expect(await reported(...words, '--include', 'api-keys')).toMatchObject({
            'trusted-devices': { found: 0, ended: 0 },
            'api-keys': { found: 1, ended: 1 },
            verifications: { found: 3, ended: 0 },
          });
          expect(await used(dan)).toEqual({
            ...every(true),
            trustedDevice: false,
            device: false,
            apiKey: false,
          });
        });

        it('is found through the sessions where no user is named', async () => {
          const eve = await deployment.returning('eve@example.com');
          const fay = await deployment.returning('fay@example.com');
          const { stdout } = await operator.run(['list', '--user', 'eve@example.com', '-o', 'ids']);
          const [id = ''] = stdout.split('\n');
          expect(await reported('revoke', id, '--yes', '--include', all)).toEqual(counts(() => true));
          expect(await used(eve)).toEqual(every(false));
          expect(await reported('limit', '--max', '1', '--dry-run', '--user', 'fay@example.com')).toEqual(
            counts(() => false),
          );
          expect(await used(fay)).toEqual(every(true));
        });

        it('leaves all that is not the user’s, or no way back', async () => {
          const gil = await deployment.returning('gil@example.com');
          const hal = await deployment.returning('hal@example.com');
          const id = gil.person.id;
          const { adapter } = await deployment.app.$context;
          const keep = [
            [`revoke-unproven-account-access:${id}`, id],
            ['saml-used-assertion:_1', JSON.stringify({ email: 'gil@example.com' })],
            ['dpop-jti:1', 'used'],
            ['oauth-state', JSON.stringify({ link: { email: 'gil@example.com', userId: id } })],
            ['sign-in-otp-other.gil@example.com', '123456:0'],
            ['reset-password:of-hal', hal.person.id],
          ] as const;
          const expiresAt = new Date(Date.now() + 3_600_000);
          for (const [identifier, value] of keep)
            await adapter.create({
              model: 'verification',
              data: { identifier, value, expiresAt, createdAt: new Date(), updatedAt: new Date() },
            });
          // What has expired lets nobody in.
          await adapter.create({
            model: 'verification',
            data: {
              identifier: 'reset-password:old',
              value: id,
              expiresAt: new Date(Date.now() - 86_400_000),
              createdAt: new Date(),
              updatedAt: new Date(),
            },
          });
          expect(
            await reported('revoke-all', '--user', 'gil@example.com', '--yes', '--include', all),
          ).toEqual(counts(() => true));
          const left = await adapter.findMany<{ readonly identifier: string }>({ model: 'verification' });
          const identifiers = left.map(({ identifier }) => identifier);
          for (const [identifier] of keep) expect(identifiers).toContain(identifier);
          expect(await used(hal)).toEqual(every(true));
        });

        it('knows tokens of the older OAuth plugins, which name no session', async () => {
          const table = shape.plugins === undefined ? 'oauthAccessToken' : 'what clients hold';
          const ida = await deployment.returning('ida@example.com');
          const { database } = deployment;
          const q = (name: string) => (dialect === 'mysql' ? `\`${name}\`` : `"${name}"`);
          const { time, moment } = {
            postgresql: { time: 'timestamptz', moment: `now() + interval '1 hour'` },
            mysql: { time: 'timestamp(3) NULL', moment: 'now() + INTERVAL 1 HOUR' },
            sqlite: { time: 'date', moment: `strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '+1 hour')` },
          }[dialect];
          const columns = ['accessToken', 'refreshToken', 'clientId', 'userId', 'scopes'].map(q);
          const times = ['accessTokenExpiresAt', 'refreshTokenExpiresAt'].map(q);
          await database.query(
            `CREATE TABLE ${q(table)} (id varchar(36) PRIMARY KEY, ${columns.map((name) => `${name} varchar(255)`).join(', ')}, ${times.map((name) => `${name} ${time}`).join(', ')})`,
          );
          for (const [id, owner] of [
            ['1', ida.person.id],
            ['2', 'somebody-else'],
          ] as const)
            await database.query(
              `INSERT INTO ${q(table)} VALUES ('${id}', 'a${id}', 'r${id}', 'client', '${owner}', 'openid', ${moment}, ${moment})`,
            );
          const words = ['revoke-all', '--user', 'ida@example.com', '--yes'];
          expect(await reported(...words)).toMatchObject({ 'oauth-tokens': { found: 1, ended: 0 } });
          expect(await reported(...words, '--include', 'oauth-tokens')).toMatchObject({
            'oauth-tokens': { found: 1, ended: 1 },
          });
          expect(await database.query(`SELECT id FROM ${q(table)}`)).toEqual([{ id: '2' }]);
          await database.query(`DROP TABLE ${q(table)}`);
        });

        it('names what can be included', async () => {
          const ran = await operator.run(['revoke-all', '--everyone', '--dry-run', '--include', 'cookies']);
          expect(ran.code).toBe(2);
          expect(ran.stderr).toContain('offline-tokens, device-codes, verifications, trusted-devices');
        });
      });
    }
  }
}
