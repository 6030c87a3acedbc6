import { afterEach, expect, it, vi } from 'vitest';
import { createApp, password, signUp } from '../support/app.ts';
import { createDatabase } from '../support/databases.ts';
import { operatorOn } from '../support/operator.ts';
import { describeOn } from '../support/servers.ts';
import { plainShape } from '../support/shapes.ts';

const SECOND = 1000;

/** How long a copy lives, by what the application and the sign-in say. `maxAge` is five seconds. */
const copies = [
  { strategy: 'compact', rememberMe: true, lives: 5 * SECOND, holdsAfter: 60 * SECOND },
  { strategy: 'compact', rememberMe: false, lives: 60 * SECOND, holdsAfter: 60 * SECOND },
  { strategy: 'jwt', rememberMe: true, lives: 5 * SECOND, holdsAfter: 300 * SECOND },
  { strategy: 'jwt', rememberMe: false, lives: 300 * SECOND, holdsAfter: 300 * SECOND },
  { strategy: 'jwe', rememberMe: true, lives: 5 * SECOND, holdsAfter: 300 * SECOND },
  { strategy: 'jwe', rememberMe: false, lives: 300 * SECOND, holdsAfter: 300 * SECOND },
] as const;

afterEach(() => {
  vi.useRealTimers();
});

for (const dialect of ['postgresql', 'mysql', 'sqlite'] as const) {
  describeOn(dialect, `when a revocation holds, ${dialect}`, () => {
    it.for(copies)(
      '$strategy, remember me $rememberMe: a copy answers until then, and no longer',
      async ({ strategy, rememberMe, lives, holdsAfter }, { onTestFinished }) => {
        const database = await createDatabase(dialect);
        onTestFinished(() => database.drop());
        const app = createApp({
          ...(await plainShape(dialect).install(database)),
          session: { cookieCache: { enabled: true, maxAge: 5, strategy } },
        });
        const ada = await signUp(app, 'Ada', 'ada@example.com');
        const { headers } = await app.api.signInEmail({
          body: { email: ada.email, password, rememberMe },
          headers: { 'user-agent': 'Firefox' },
          returnHeaders: true,
        });
        const made = Date.now();
        const cookie = headers
          .getSetCookie()
          .map((line) => line.split(';')[0] ?? '')
          .join('; ');
        const isIn = async () => (await app.api.getSession({ headers: { cookie } })) !== null;

        const operator = operatorOn(database.url, { cookieCacheMaxAge: '5s', cookieCacheStrategy: strategy });
        const done = await operator.run(['revoke-all', '--user', ada.email, '--yes', '--json', '-q']);
        expect(done.code, done.stderr).toBe(0);
        const { finishedAt, effectiveAt } = JSON.parse(done.stdout) as Readonly<Record<string, string>>;
        expect(Date.parse(effectiveAt ?? '') - Date.parse(finishedAt ?? '')).toBe(holdsAfter);

        // Better Auth's own clock is moved, rather than waited for.
        vi.useFakeTimers({ toFake: ['Date'] });
        vi.setSystemTime(made + lives - 2 * SECOND);
        expect(await isIn(), 'shortly before').toBe(true);
        vi.setSystemTime(effectiveAt ?? '');
        expect(await isIn(), 'from then on').toBe(false);
      },
    );
  });
}
