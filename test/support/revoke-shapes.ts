import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { everySession, type SignIn, type Truth } from './app.ts';
import type { Row } from './databases.ts';
import { isStress } from './faults.ts';
import { operatorOn, secretsOf, type Operator } from './operator.ts';
import { populate, usePlugins, type Population } from './population.ts';
import { binaryPath, runProgram } from './run-sessionctl.ts';
import { describeOn } from './servers.ts';
import { deploy, plainShape, shapes, type Deployment, type Shape } from './shapes.ts';

type Report = Readonly<Record<string, unknown>>;

/** What there is to choose from: every session as Better Auth reads it, and how its holder signed in. */
interface Scene {
  readonly people: readonly { readonly id: string; readonly email: string }[];
  readonly truths: readonly Truth[];
  /** In the order of sign-ins; impersonation adds truths that nobody signed in for. */
  readonly sessions: readonly (Truth & { readonly cookie: string })[];
  /** Ids can be shortened: a number that begins with another one has nothing to do with it. */
  readonly hasPrefixes: boolean;
}

interface Ending {
  readonly name: string;
  /** Words behind `revoke-all`, and so behind `list --state all` as well. */
  readonly words: (scene: Scene) => readonly string[];
  readonly dies: (truth: Truth, scene: Scene) => boolean;
  /** Depends on how the shape stores times or names columns: judged on every shape. */
  readonly onEveryShape?: true;
}

const day = 86_400_000;
const at = <Value>(values: readonly Value[], index: number): Value => {
  const value = values[index];
  if (value === undefined) throw new Error(`there is no number ${String(index)}`);
  return value;
};
const isIn = (text: string | null, ...beginnings: readonly string[]) =>
  beginnings.some((beginning) => text?.startsWith(beginning) === true);

/** Each with its own reading of what the option means, on Better Auth's records. */
const endings: readonly Ending[] = [
  {
    name: '--user',
    onEveryShape: true,
    words: ({ people }) => ['--user', at(people, 0).id],
    dies: ({ userId }, { people }) => userId === at(people, 0).id,
  },
  {
    name: '--user twice',
    words: ({ people }) => ['--user', at(people, 1).id, '--user', at(people, 2).id],
    dies: ({ userId }, { people }) => userId !== at(people, 0).id,
  },
  {
    name: '--ip of an IPv4 network',
    words: () => ['--ip', '203.0.113.0/24'],
    dies: ({ ipAddress }) => isIn(ipAddress, '203.0.113.'),
  },
  {
    name: '--ip of an IPv6 address that is stored masked',
    words: () => ['--ip', '2001:db8:aaaa:bbbb:cccc::1'],
    dies: ({ ipAddress }) => isIn(ipAddress, '2001:0db8:aaaa:bbbb:'),
  },
  {
    name: '--user-agent in another case',
    words: () => ['--user-agent', 'FIREFOX/133'],
    dies: ({ userAgent }) => userAgent?.includes('Firefox/133') === true,
  },
  {
    name: '--everyone --except-user',
    words: ({ people }) => ['--everyone', '--except-user', at(people, 0).id],
    dies: ({ userId }, { people }) => userId !== at(people, 0).id,
  },
  {
    name: '--everyone --except-session',
    words: ({ sessions }) => ['--everyone', '--except-session', at(sessions, 6).id],
    dies: ({ id }, { sessions }) => id !== at(sessions, 6).id,
  },
  {
    name: '--everyone --state active',
    words: () => ['--everyone', '--state', 'active'],
    dies: ({ expiresAt }) => expiresAt.getTime() > Date.now(),
  },
  {
    name: '--created-after',
    words: () => ['--created-after', '24h'],
    dies: ({ createdAt }) => createdAt.getTime() > Date.now() - day,
  },
  {
    name: '--created-before, --except-ip',
    onEveryShape: true,
    words: () => ['--created-before', '1h', '--except-ip', '2001:db8::/32'],
    dies: ({ createdAt, ipAddress }) =>
      createdAt.getTime() < Date.now() - day / 24 && !isIn(ipAddress, '2001:0db8:'),
  },
  {
    name: '--idle-since, --expires-after',
    onEveryShape: true,
    words: () => ['--idle-since', '12h', '--expires-after', new Date(Date.now() + 5 * day).toISOString()],
    dies: ({ updatedAt, expiresAt }) =>
      updatedAt.getTime() < Date.now() - day / 2 && expiresAt.getTime() > Date.now() + 5 * day,
  },
];

/** So many shapes, one after the other, share the endings that are not judged on every one of them. */
const SHARING = 8;

/** Everything is judged on the plain shapes, and on all of them where minutes do not count. */
const isWhole = (shape: Shape) => isStress || shape === plainShape(shape.dialect);

/** Whether it is the turn of one of the things that shapes share. */
const isTurnOf = (shape: Shape, thing: number, sharing: number) =>
  isWhole(shape) || shapes.indexOf(shape) % sharing === thing % sharing;

/** What is judged on a shape. */
const endingsOn = (shape: Shape): readonly Ending[] =>
  endings.filter(({ onEveryShape }, index) => onEveryShape === true || isTurnOf(shape, index, SHARING));

/** The fields of the contract in its order, and what the report adds to them. */
const reportFields = [
  'command', 'runId', 'dryRun', 'target', 'matched', 'revoked', 'users', 'remaining', 'notFound', 'secondary',
  'oauthTokens', 'batches', 'startedAt', 'finishedAt', 'durationMs', 'stoppedBecause', 'effectiveAt',
  'survivors', 'arrivedLater', 'noLongerMatch', 'unreadableTimes', 'states', 'uncertain', 'apiKeys', 'outlives', 'unreadableAddresses', 'total', 'reason', 'mismatch',
  'undeclared',
]; // prettier-ignore

/** A suite for each of the shapes. */
export function describeEndingsOf(some: readonly Shape[]): void {
  for (const shape of some) {
    describeOn(shape.dialect, shape.name, () => {
      let deployment: Deployment;
      let population: Population;
      let operator: Operator;
      let scene: Scene;
      let saved: readonly Row[];
      let answersBefore: readonly string[];
      let signIns: readonly SignIn[];

      beforeAll(async () => {
        deployment = await deploy(shape);
        population = await populate(deployment);
        if (shape.name.includes('plugins')) await usePlugins(deployment, population);
        operator = operatorOn(deployment.database.url, shape.profile);
        signIns = population.signIns.flat();
        const truths = await readTruths();
        scene = {
          people: population.people,
          truths,
          sessions: signIns.map(({ token, cookie }) => {
            const truth = truths.find((one) => one.token === token);
            if (truth === undefined) throw new Error('a sign-in has no session');
            return { ...truth, cookie };
          }),
          hasPrefixes: !shape.name.includes('serial'),
        };
        await deployment.database.query(`CREATE TABLE saved AS SELECT * FROM ${shape.table('session')}`);
        saved = await readRows();
        // Asking removes what has expired, as Better Auth does.
        answersBefore = await ask();
      });
      beforeEach(() => restore());
      afterAll(async () => {
        await deployment.database.drop();
      });

      const readTruths = () =>
        everySession(
          deployment.app,
          population.people.map(({ id }) => id),
        );
      const readRows = () =>
        deployment.database.query(`SELECT * FROM ${shape.table('session')} ORDER BY ${shape.column('id')}`);
      const restore = async () => {
        await deployment.database.query(`DELETE FROM ${shape.table('session')}`);
        await deployment.database.query(`INSERT INTO ${shape.table('session')} SELECT * FROM saved`);
      };
      const rowId = (row: Row) => String(row[shape.column('id').replace(/["`]/g, '')]);

      /** What Better Auth says to each cookie, in the order of sign-ins. Leaves every expiry as it is. */
      const ask = () =>
        Promise.all(
          signIns.map(async ({ token, cookie }) => {
            try {
              const query = { disableRefresh: true };
              const found = await deployment.app.api.getSession({ headers: { cookie }, query });
              if (found !== null && found.session.token !== token) return 'another session';
              return found === null ? 'nobody' : 'signed in';
            } catch (error) {
              if (shape.withoutUsers) return 'an error';
              throw error;
            }
          }),
        );

      const reported = async (words: readonly string[], stdin?: string, code = 0): Promise<Report> => {
        const ran = await operator.run(words, stdin === undefined ? {} : { stdin });
        expect(ran.code, ran.stderr).toBe(code);
        return JSON.parse(ran.stdout) as Report;
      };

      /** Better Auth is asked, and every row that was not meant has to be there as it was. */
      const expectDead = async (isDead: (truth: Truth) => boolean) => {
        const dead = new Set(scene.truths.filter(isDead).map(({ id }) => id));
        expect(dead.size, 'somebody has to die').toBeGreaterThan(0);
        expect(await readRows()).toEqual(saved.filter((row) => !dead.has(rowId(row))));
        const expected = scene.sessions.map(({ id }, index) =>
          dead.has(id) ? 'nobody' : answersBefore[index],
        );
        expect(await ask()).toEqual(expected);
      };

      it('tells the living from the dead beforehand', () => {
        const alive = scene.sessions.map(({ expiresAt }) => expiresAt.getTime() > Date.now());
        expect(alive).toContain(false);
        expect(answersBefore).toEqual(
          shape.withoutUsers
            ? alive.map(() => answersBefore[0])
            : alive.map((isAlive) => (isAlive ? 'signed in' : 'nobody')),
        );
        expect(saved).toHaveLength(scene.truths.length);
      });

      for (const { name, words, dies } of endingsOn(shape)) {
        it(`revoke-all ${name}`, async () => {
          const doomed = scene.truths.filter((truth) => dies(truth, scene));
          const selecting = words(scene);
          const state = selecting.includes('--state') ? [] : ['--state', 'all'];
          const listed = selecting.filter((word) => word !== '--everyone');
          const preview = await operator.run(['list', '-o', 'ids', ...state, ...listed]);
          expect(preview).toMatchObject({ code: 0 });
          expect(preview.stdout.trim().split('\n').sort()).toEqual(doomed.map(({ id }) => id).sort());

          const now = Date.now();
          const states = {
            active: doomed.filter(({ expiresAt }) => expiresAt.getTime() > now).length,
            expired: doomed.filter(({ expiresAt }) => expiresAt.getTime() <= now).length,
          };
          const users = new Set(doomed.map(({ userId }) => userId)).size;
          const planned = await reported(['revoke-all', ...selecting, '--dry-run', '--json']);
          expect(Object.keys(planned)).toEqual(reportFields);
          const same = {
            command: 'revoke-all',
            matched: doomed.length,
            users,
            notFound: [],
            secondary: null,
            oauthTokens: null,
            stoppedBecause: 'complete',
            survivors: [],
            arrivedLater: 0,
            states,
            uncertain: false,
            apiKeys: null,
          };
          expect(planned).toMatchObject({
            ...same, dryRun: true, revoked: 0, remaining: doomed.length, batches: 0, effectiveAt: null, reason: null,
          }); // prettier-ignore
          expect(await readRows(), 'a dry run changes nothing').toEqual(saved);

          const done = await reported(['revoke-all', ...selecting, '--yes', '--json', '--reason', 'INC-7']);
          expect(Object.keys(done)).toEqual(reportFields);
          expect(done).toMatchObject({
            ...same, dryRun: false, revoked: doomed.length, remaining: 0, batches: 1, reason: 'INC-7',
          }); // prettier-ignore
          expect(done['effectiveAt']).toBe(done['finishedAt']);
          expect(done['runId']).not.toBe(planned['runId']);
          await expectDead((truth) => dies(truth, scene));
        });
      }

      // Ways to name sessions, typed or on stdin: two on each shape, and on some that differ in what they name.
      const isTurn = (way: number) => isTurnOf(shape, way, 2);

      if (isTurn(0))
        it('revoke by ids, one of which is missing', async () => {
          const [first, third] = [at(scene.sessions, 0), at(scene.sessions, 2)];
          const report = await reported(
            ['revoke', first.id, 'no-such-id', third.id, '--yes', '--json'],
            undefined,
            1,
          );
          expect(Object.keys(report)).toEqual(reportFields);
          expect(report).toMatchObject({
            command: 'revoke',
            matched: 2,
            revoked: 2,
            users: 1,
            remaining: 0,
            notFound: ['no-such-id'],
            stoppedBecause: 'complete',
          });
          await expectDead(({ id }) => id === first.id || id === third.id);
        });

      if (isTurn(1) || shape.name.includes('serial'))
        it('revoke by a prefix', async () => {
          const { id } = at(scene.sessions, 4);
          const name = scene.hasPrefixes ? id.slice(0, 8) : id;
          expect(await reported(['revoke', name, '--yes', '--json'])).toMatchObject({
            revoked: 1,
            remaining: 0,
          });
          await expectDead((truth) => truth.id === id);
        });

      if (isTurn(1))
        it('revoke - with the ids of a list, as if they were typed', async () => {
          const listed = await operator.run([
            'list',
            '-o',
            'ids',
            '--state',
            'all',
            '--ip',
            '203.0.113.0/24',
          ]);
          const report = await reported(['revoke', '-', '--yes', '--json'], listed.stdout);
          expect(report).toMatchObject({ matched: 2, revoked: 2, users: 1, remaining: 0, notFound: [] });
          await expectDead(({ ipAddress }) => isIn(ipAddress, '203.0.113.'));
        });

      if (isTurn(0) || shape.name.includes('renamed'))
        it('revoke --token-stdin with what leaked, in every form', async () => {
          const [raw, signed, encoded, header] = [0, 1, 4, 7].map((index) => at(signIns, index));
          const valueOf = (signIn: SignIn | undefined) =>
            /session_token=([^;]+)/.exec(signIn?.cookie ?? '')?.[1] ?? '';
          const unknown = 'Zz'.repeat(16);
          const lines = [
            raw?.token ?? '',
            'this is no token',
            decodeURIComponent(valueOf(signed)),
            '',
            valueOf(encoded),
            unknown,
            `Cookie: theme=dark; ${header?.cookie ?? ''}`,
          ];
          const report = await reported(['revoke', '--token-stdin', '--yes', '--json'], lines.join('\n'), 1);
          expect(report).toMatchObject({ matched: 4, revoked: 4, users: 3, remaining: 0 });
          expect(report['notFound']).toEqual([
            expect.stringMatching(/^line 2\b/),
            expect.stringMatching(/^line 6\b/),
          ]);
          const tokens = [raw, signed, encoded, header].map((signIn) => signIn?.token);
          await expectDead(({ token }) => tokens.includes(token));
          expect(operator.sawAny(['this is no token', unknown])).toEqual([]);
        });

      if (shape.name.includes('plugins')) {
        it('revoke-all --impersonated', async () => {
          const words = ['revoke-all', '--impersonated', '--yes', '--json'];
          expect(await reported(words)).toMatchObject({ revoked: 1, remaining: 0 });
          await expectDead(({ impersonatedBy }) => impersonatedBy !== null);
        });

        it('the plan names what an administrator opened, also where no session of theirs matches', async () => {
          const words = [
            'revoke-all',
            '--user',
            at(scene.people, 0).id,
            '--ip',
            '198.51.100.77',
            '--dry-run',
          ];
          const { stdout, code } = await operator.run(words);
          expect(code).toBe(0);
          expect(stdout).toMatch(/^to be ended +0 sessions of 0 users/m);
          expect(stdout.replace(/\s+/g, ' ')).toMatch(
            /1 active session in which .* another user stays valid/,
          );
        });

        it('revoke-all --impersonated-by', async () => {
          const { id } = at(scene.people, 0);
          const words = ['revoke-all', '--impersonated-by', id, '--yes', '--json'];
          expect(await reported(words)).toMatchObject({ revoked: 1, remaining: 0 });
          await expectDead(({ impersonatedBy }) => impersonatedBy === id);
        });
      }

      if (shape.name.endsWith('own adapter')) {
        it('the binary, in a pipe of a shell', async () => {
          const list = [...operator.where, 'list', '-o', 'ids', '--user-agent', 'chrome'];
          const revoke = [...operator.where, 'revoke', '-', '--yes', '--json'];
          const shell = `"$0" "$1" ${list.join(' ')} | "$0" "$1" ${revoke.join(' ')}`;
          const { env } = operator;
          const ran = await runProgram('/bin/sh', ['-c', shell, process.execPath, binaryPath], { env });
          expect(ran).toMatchObject({ code: 0 });
          expect(JSON.parse(ran.stdout)).toMatchObject({ matched: 2, revoked: 2, users: 2, remaining: 0 });
          await expectDead(({ userAgent }) => userAgent?.includes('Chrome') === true);
        });

        it('the binary, in words', async () => {
          const ran = await operator.runBinary(['revoke-all', '--user', 'ada@example.com', '--yes']);
          expect(ran).toMatchObject({
            code: 0,
            stdout: expect.stringContaining('Ended 4 sessions of 1 user') as unknown,
          });
          expect(ran.stdout).toMatch(/Checked again at \S+: 0 left\./);
          await expectDead(({ userId }) => userId === scene.people[0]?.id);
        });
      }

      it('keeps every token to itself, and a record of every run', () => {
        const secrets = signIns.flatMap(secretsOf);
        expect(operator.sawAny(scene.truths.map(({ token }) => token))).toEqual([]);
        expect(operator.sawAny(secrets)).toEqual([]);
        expect(operator.sawAny([at(scene.sessions, 0).id])).toHaveLength(1);
        const events = operator.history().map(({ event, outcome }) => `${event} ${String(outcome)}`);
        expect(events.length).toBeGreaterThanOrEqual(2 * endingsOn(shape).length);
        expect(events).toEqual(
          events.map((_event, index) => (index % 2 === 0 ? 'started null' : 'finished complete')),
        );
      });
    });
  }
}
