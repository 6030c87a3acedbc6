import { jwt } from 'better-auth/plugins';
import { expect, it } from 'vitest';
import { signIn, signUp } from '../support/app.ts';
import { operatorOn } from '../support/operator.ts';
import { describeOn } from '../support/servers.ts';
import { deploy, ownShape, plainShape } from '../support/shapes.ts';

const says = 'The JWT plugin (table jwks) hands out tokens';

for (const dialect of ['postgresql', 'mysql', 'sqlite'] as const) {
  describeOn(dialect, `tokens of the JWT plugin, ${dialect}`, () => {
    it('are named in the plan where there is the plugin, and nowhere else', async ({ onTestFinished }) => {
      const withPlugin = ownShape(dialect, 'with the JWT plugin', { options: { plugins: [jwt()] } });
      for (const [shape, isThere] of [
        [withPlugin, true],
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
        expect(said.includes('until they expire, 15 minutes by default.')).toBe(isThere);
        const profile = { auth: { jwtExpiresIn: '1h' } };
        const known = await operatorOn(database.url, profile).run(['revoke-all', '--everyone', '--dry-run']);
        expect(known.stdout.replace(/\s+/g, ' ').includes('until they expire, after 1h.')).toBe(isThere);
      }
    });
  });
}
