import { setTimeout as wait } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { fingerprint, type Client } from '../support/app.ts';
import { loadRelease, signIn, signUp, type Answer, type Application } from './application.ts';
import { deploy } from './deployment.ts';
import { nameOf, processesOf, readPlan } from './plan.ts';
import { runnerOf } from './runner.ts';

const cells = processesOf(readPlan())[Number(process.env['SESSIONCTL_COMPAT_PROCESS'])] ?? [];

const home: Client = { ip: '192.0.2.1', userAgent: 'Firefox' };
const away: Client = { ip: '198.51.100.7', userAgent: 'curl/8.5.0' };
const [ada, bob, carol, dan] = ['ada', 'bob', 'carol', 'dan'].map((name) => `${name}@example.com`) as [
  string,
  string,
  string,
  string,
];

describe.concurrent('every deployment', () => {
  it.each(cells.map((cell) => [nameOf(cell), cell] as const))('%s', async (_name, cell) => {
    const deployment = await deploy(await loadRelease(cell.release.directory), cell);
    try {
      const run = runnerOf(cell, deployment);
      const app = deployment.application(7 * 24 * 3600);
      for (const email of [ada, bob, carol, dan]) await signUp(app, email);
      const cookies: string[] = [];
      const enter = async (email: string, client: Client) => {
        const cookie = await signIn(app, email, client);
        cookies.push(cookie);
        return cookie;
      };
      // Whose sign-in it was, and from where: a cookie would tell nobody anything.
      const called = (some: readonly string[]) =>
        some.map((cookie) => {
          const { session, user } = answers[cookies.indexOf(cookie)] ?? {};
          return `${String(cookies.indexOf(cookie) + 1)}: ${String(user?.email)} from ${String(session?.ipAddress)}`;
        });
      const brief = deployment.application(2);
      for (const client of [home, away]) await signIn(brief, dan, client);
      const carols: string[] = [];
      for (let time = 0; time < 4; time += 1) {
        // Where times are kept in whole seconds, the newest of the same second is nobody's to tell.
        if (time > 0) await wait(1050);
        carols.push(await enter(carol, home));
      }
      const adas = [await enter(ada, home), await enter(ada, home), await enter(ada, away)] as const;
      const bobs = [await enter(bob, home), await enter(bob, away)] as const;
      const live = async () => called(await whichLive(app, cookies));

      // Look.
      const answers = await Promise.all(cookies.map((cookie) => answerTo(app, cookie)));
      const listed = await run<readonly Listed[]>(['list', '--json']);
      expect(sorted(listed.map(told))).toEqual(sorted(answers.map(known)));
      const idOf = (cookie: string) => {
        const token = answers[cookies.indexOf(cookie)]?.session.token ?? '';
        return listed.find(({ tokenFingerprint }) => tokenFingerprint === fingerprint(token))?.id ?? '';
      };
      // Early releases give no id to what stands in secondary storage.
      for (const [at, { session }] of answers.entries())
        if (session.id !== undefined) expect(idOf(cookies[at] ?? '')).toBe(session.id);

      // End.
      let left = cookies;
      const gone = (...ended: readonly string[]) => {
        left = left.filter((cookie) => !ended.includes(cookie));
        return called(left);
      };
      await run(['revoke', idOf(adas[0]), '--yes', '--json']);
      expect(await live(), 'what Better Auth takes for valid after revoke').toEqual(gone(adas[0]));
      await run(['revoke-all', '--ip', away.ip, '--yes', '--json']);
      expect(await live(), 'what Better Auth takes for valid after revoke-all --ip').toEqual(
        gone(adas[2], bobs[1]),
      );
      await run(['limit', '--max', '2', '--yes', '--json']);
      expect(await live(), 'what Better Auth takes for valid after limit').toEqual(
        gone(...carols.slice(0, 2)),
      );
      await run(['revoke-all', '--user', bob, '--yes', '--json']);
      expect(await live(), 'what Better Auth takes for valid after revoke-all --user').toEqual(gone(bobs[0]));

      // Sweep. Redis has forgotten its keys by itself.
      await run(['sweep', '--json']);
      const remaining = await run<readonly Listed[]>(['list', '--json', '--state', 'all']);
      expect(sorted(remaining.map(({ id }) => id))).toEqual(sorted(left.map(idOf)));
      expect(await live(), 'what Better Auth takes for valid after sweep').toEqual(called(left));
    } finally {
      await deployment.drop();
    }
  });
});

/** A session as sessionctl tells of it. */
interface Listed {
  readonly id: string;
  readonly userEmail: string;
  readonly expiresAt: string;
  readonly ipAddress: string;
  readonly userAgent: string;
  readonly tokenFingerprint: string;
}

async function whichLive(app: Application, cookies: readonly string[]): Promise<readonly string[]> {
  const answers = await Promise.all(
    cookies.map((cookie) => app.api.getSession({ headers: new Headers({ cookie }) })),
  );
  return cookies.filter((_, at) => answers[at] !== null);
}

async function answerTo(app: Application, cookie: string): Promise<Answer> {
  const answer = await app.api.getSession({ headers: new Headers({ cookie }) });
  if (answer === null) throw new Error('Better Auth does not know a cookie that it has just given');
  return answer;
}

const known = ({ session, user }: Answer) =>
  [
    fingerprint(session.token),
    user.email,
    session.ipAddress,
    session.userAgent,
    new Date(session.expiresAt).toISOString(),
  ].join(' ');

const told = (session: Listed) =>
  [session.tokenFingerprint, session.userEmail, session.ipAddress, session.userAgent, session.expiresAt].join(
    ' ',
  );

const sorted = (texts: readonly string[]) => [...texts].sort();
