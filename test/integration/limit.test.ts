import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { everySession, signIn, signUp, type Person, type SignIn, type Truth } from '../support/app.ts';
import { operatorOn, secretsOf, type Operator } from '../support/operator.ts';
import { agents, updateSession } from '../support/population.ts';
import { sceneOn } from '../support/scene.ts';
import { deploySecondary, modes, whichAnswer } from '../support/secondary.ts';
import { describeOn, describeUnless, missingServer } from '../support/servers.ts';
import { deploy, named, type Deployment } from '../support/shapes.ts';

interface Report {
  readonly [field: string]: unknown;
  readonly matched: number;
  readonly revoked: number;
}

const minute = 60_000;
const day = 24 * 60 * minute;

/** How long ago each session of a person began, and when it expires; the same beginning twice is a tie. */
const lives: Readonly<Record<string, readonly (readonly [begun: number, expires: number])[]>> = {
  // The newest has expired, the oldest was refreshed last.
  ada: [
    [-9 * day, 6 * day],
    [-8 * day, 5 * day],
    [-7 * day, day],
    [-7 * day, day],
    [-3 * day, 2 * day],
    [-2 * day, -minute],
    [-day, 3 * day],
  ],
  zoe: [
    [-5 * day, day],
    [-4 * day, 3 * day],
    [-3 * day, -day],
  ],
  grace: [[-day, 6 * day]],
};

interface Stage {
  readonly deployment: Deployment;
  readonly operator: Operator;
  readonly people: readonly Person[];
  readonly signIns: readonly SignIn[];
  readonly truths: () => Promise<readonly Truth[]>;
}

async function stageOn(deployment: Deployment, profile = deployment.shape.profile): Promise<Stage> {
  const { app } = deployment;
  const people: Person[] = [];
  const signIns: SignIn[] = [];
  for (const [name, sessions] of Object.entries(lives)) {
    const person = await signUp(app, name, `${name}@example.com`);
    people.push(person);
    for (const [nth, [begun, expires]] of sessions.entries()) {
      const userAgent = nth % 2 === 0 ? agents.chrome : agents.curl;
      const one = await signIn(app, person, { ip: `203.0.113.${String(nth + 1)}`, userAgent });
      const createdAt = new Date(Date.now() + begun);
      createdAt.setUTCMinutes(0, 0, 0);
      await updateSession(deployment, one.token, {
        createdAt,
        updatedAt: new Date(Date.now() - (nth + 1) * minute),
        expiresAt: new Date(Date.now() + expires),
      });
      signIns.push(one);
    }
  }
  const ids = people.map(({ id }) => id);
  return {
    deployment,
    operator: operatorOn(deployment.database.url, profile),
    people,
    signIns,
    truths: () => everySession(app, ids),
  };
}

/** By another reading than that of the program: of each user, the newest of the active ones. */
function keptOf(truths: readonly Truth[], max: number): readonly Truth[] {
  const active = truths.filter(({ expiresAt }) => expiresAt.getTime() > Date.now());
  return active.filter((one) => {
    const newer = active.filter(
      (other) =>
        other.userId === one.userId &&
        (other.createdAt.getTime() > one.createdAt.getTime() ||
          (other.createdAt.getTime() === one.createdAt.getTime() && isBehind(other.id, one.id))),
    );
    return newer.length < max;
  });
}

const isBehind = (id: string, other: string) =>
  /^\d+$/.test(id) ? Number(id) > Number(other) : Buffer.compare(Buffer.from(id), Buffer.from(other)) > 0;
const tokensOf = (sessions: readonly { readonly token: string }[]) =>
  sessions.map(({ token }) => token).sort();

async function reportOf(operator: Operator, words: readonly string[]): Promise<Report> {
  const { stdout, stderr, code } = await operator.run(['limit', '--json', '--quiet', ...words]);
  expect({ stderr, code }).toEqual({ stderr: '', code: 0 });
  return JSON.parse(stdout) as Report;
}

describe('limit keeps exactly the newest, as Better Auth sees it', () => {
  for (const shape of [
    'postgresql: own adapter',
    'postgresql: own adapter, generateId serial',
    'postgresql: own adapter, renamed tables and fields',
    'postgresql: Drizzle, timestamp, snake case',
    'mysql: own adapter, generateId uuid',
    'mysql: Prisma, datetime(3)',
    'sqlite: own adapter',
    'sqlite: own adapter, generateId serial',
    'sqlite: Drizzle, integer seconds, usePlural',
    'sqlite: Prisma, text with an offset',
  ].map(named)) {
    describeOn(shape.dialect, shape.name, () => {
      let stage: Stage;
      beforeAll(async () => {
        stage = await stageOn(await deploy(shape), { timeZone: 'UTC', ...shape.profile });
      });
      afterAll(() => stage.deployment.database.drop());

      it('narrows by the selection, and then ends the rest', async () => {
        const { operator, truths, signIns, deployment, people } = stage;
        const before = await truths();
        const kept = keptOf(before, 2);
        const expired = before.filter(({ expiresAt }) => expiresAt.getTime() <= Date.now());
        const surplus = before.filter((one) => !kept.includes(one) && !expired.includes(one));
        expect(surplus).toHaveLength(4);

        const planned = await reportOf(operator, ['--max', '2', '--dry-run']);
        expect(planned).toMatchObject({ command: 'limit', matched: 4, revoked: 0, users: 1, dryRun: true });
        expect(tokensOf(await truths())).toEqual(tokensOf(before));

        // Whoever selects ends fewer, and ranks no other way.
        const curl = surplus.filter(({ userAgent }) => userAgent === agents.curl);
        const [spared] = surplus.filter(({ userAgent }) => userAgent === agents.chrome);
        const narrowed = await reportOf(operator, ['--max', '2', '--user-agent', 'CURL', '--yes']);
        expect(narrowed).toMatchObject({ matched: curl.length, revoked: curl.length, remaining: 0 });
        expect(tokensOf(await truths())).toEqual(tokensOf(before.filter((one) => !curl.includes(one))));

        const [ada, zoe] = people;
        const rest = await reportOf(operator, [
          '--max', '2', '--except-session', spared?.id ?? '', '--user', ada?.id ?? '', '--user', zoe?.email ?? '',
          '--yes', '--reason', 'too many',
        ]); // prettier-ignore
        expect(rest).toMatchObject({ matched: 3 - curl.length, revoked: 3 - curl.length, remaining: 0 });
        const left = await truths();
        expect(tokensOf(left)).toEqual(
          tokensOf([...kept, ...expired, ...(spared === undefined ? [] : [spared])]),
        );

        // Only a cookie proves it.
        const answering = await whichAnswer(deployment.app, signIns);
        expect(tokensOf(answering)).toEqual(tokensOf([...kept, ...(spared === undefined ? [] : [spared])]));
        expect(operator.history().map(({ command, event }) => `${command} ${event}`)).toContain(
          'limit finished',
        );
        expect(operator.sawAny(signIns.flatMap(secretsOf))).toEqual([]);
        if (shape.name.startsWith(`${shape.dialect}: own adapter`)) await expectSparing(deployment, operator);
      });
    });
  }
});

describe('limit of more than are fixed by their ids', () => {
  for (const dialect of ['postgresql', 'mysql', 'sqlite'] as const) {
    describeOn(dialect, dialect, () => {
      it('keeps who was newest when it was planned, and ends nobody who came to be beyond them later', async () => {
        await using scene = await sceneOn(dialect, { sessions: 10_050, withTokens: 300 });
        const { database, app } = scene.deployment;
        const idsOf = async () =>
          (await database.query('SELECT id FROM session')).map(({ id }) => String(id)).sort();
        const before = await idsOf();
        const bob = await signUp(app, 'Bob', 'bob@example.com');
        const bobs = [];
        for (let nth = 0; nth < 3; nth += 1)
          bobs.push(await signIn(app, bob, { ip: '203.0.113.7', userAgent: String(nth) }));
        const operator = operatorOn(database.url, { timeZone: 'UTC' });
        const sitting = operator.sitDown(['limit', '--max', '7', '--json']);
        await sitting.shows(/Type 10,043 to end/);
        // Who signs in now makes others come to be beyond the newest, who were not in the plan.
        for (let nth = 3; nth < 9; nth += 1)
          bobs.push(await signIn(app, bob, { ip: '203.0.113.7', userAgent: String(nth) }));
        sitting.type('10043\r');
        const { stdout, code } = await sitting.ended;
        expect(code).toBe(0);
        expect(JSON.parse(stdout)).toMatchObject({
          revoked: 10_043,
          remaining: 0,
          arrivedLater: 2,
          users: 1,
        });
        expect(await whichAnswer(app, bobs)).toHaveLength(9);
        // All of them began at once: the ids decide.
        const left = (await idsOf()).filter((id) => id.startsWith('session-'));
        expect(left).toEqual(before.slice(-7));
        expect(await scene.crowd.halfDone()).toEqual([]);
      });
    });
  }
});

describe('limit with Redis', () => {
  const missing = missingServer('redis') ?? missingServer('postgresql');
  describeUnless(missing, 'in every mode', () => {
    it.each(modes)('%s', async (mode) => {
      const deployment = await deploySecondary({ dialect: 'sqlite', mode, storage: 'official' });
      const { app } = deployment;
      try {
        const operator = operatorOn(deployment.database.url, deployment.profile);
        const people = [
          await signUp(app, 'Ada', 'ada@example.com'),
          await signUp(app, 'Zoe', 'zoe@example.com'),
        ];
        const signIns: SignIn[] = [];
        for (const [nth, person] of [0, 1, 0, 0, 1, 0].map((who) => people[who]).entries()) {
          if (person === undefined) continue;
          signIns.push(await signIn(app, person, { ip: '203.0.113.7', userAgent: String(nth) }));
          // So that no two begin at once.
          await new Promise((resolve) => setTimeout(resolve, 3));
        }
        // Both forget one of Ada's newer ones: what one place alone knows counts as well.
        if (mode === 'both')
          await deployment.space.client.del(`${deployment.space.prefix}${signIns[3]?.token ?? ''}`);
        const report = await reportOf(operator, ['--max', '2', '--yes']);
        expect(report).toMatchObject({ matched: 2, revoked: 2, users: 1, remaining: 0 });
        const kept = [signIns[1], signIns[3], signIns[4], signIns[5]].flatMap((one) => one ?? []);
        expect(tokensOf(await whichAnswer(app, signIns))).toEqual(tokensOf(kept));
        expect(await reportOf(operator, ['--max', '2', '--yes'])).toMatchObject({ matched: 0 });
        await expectSparing(deployment, operator);
      } finally {
        await deployment.drop();
      }
    });
  });
});

/** Newest sessions that end between the plan and the deletion keep what was to be ended alive. */
async function expectSparing({ app }: Pick<Deployment, 'app'>, operator: Operator): Promise<void> {
  const bob = await signUp(app, 'Bob', 'bob@example.com');
  const signIns: SignIn[] = [];
  for (let nth = 0; nth < 4; nth += 1) {
    signIns.push(await signIn(app, bob, { ip: '203.0.113.7', userAgent: String(nth) }));
    await new Promise((resolve) => setTimeout(resolve, 3));
  }
  const sitting = operator.sitDown(['limit', '--max', '2', '--user', 'bob@example.com']);
  await sitting.shows(/End these 2 sessions/);
  await app.api.signOut({ headers: new Headers({ cookie: signIns[3]?.cookie ?? '' }) });
  sitting.type('y\r');
  expect(await sitting.ended).toMatchObject({ code: 0 });
  expect(tokensOf(await whichAnswer(app, signIns))).toEqual(tokensOf(signIns.slice(1, 3)));
}
