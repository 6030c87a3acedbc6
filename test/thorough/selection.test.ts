import { BlockList, isIP } from 'node:net';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { everySession, fingerprint, post, signIn, signUp, type Person, type Truth } from '../support/app.ts';
import { literal } from '../support/databases.ts';
import { runMain } from '../support/fake-system.ts';
import { isStress } from '../support/faults.ts';
import { agents, updateSession } from '../support/population.ts';
import { describeOn, type Dialect } from '../support/servers.ts';
import { deploy, named, type Deployment } from '../support/shapes.ts';

const dialects: readonly Dialect[] = ['postgresql', 'mysql', 'sqlite'];
const day = 86_400_000;

/** What stands in the address column: what Better Auth writes, what others write, and what is no address at all. */
const storedAddresses: readonly (string | null)[] = [
  '203.0.113.7',
  '203.0.113.200',
  '203.0.112.9',
  '20.30.113.7',
  '0.0.0.0',
  '255.255.255.255',
  '2001:0db8:aaaa:bbbb:0000:0000:0000:0000',
  '2001:0db8:aaaa:bbbb:0000:0000:0000:0007',
  '2001:db8:aaaa:bbbb::9',
  '2001:DB8:AAAA:BBBB::A',
  '2001:db8:aaaa:bbbc::',
  '::1',
  '::ffff:192.0.2.44',
  '::ffff:c000:22d',
  '192.0.2.46',
  null,
  '',
  'unknown',
  '999.1.1.1',
  '203.0.113',
  '203.0.113.7.1',
  '10.0.0.1:443',
  '010.0.0.1',
  ' 203.0.113.8',
  '203.0.113.9, 10.0.0.1',
  'fe80::1%eth0',
  '2001:db8:::1',
  "'; DROP TABLE session; --",
];

/** What stands in the column of user agents. */
const storedAgents: readonly (string | null)[] = [
  'Sale: 100% off',
  'Sale: 100x off',
  'snake_case/1',
  'snakeXcase/1',
  'back\\slash/2',
  'backslash/2',
  `quoted "double" and 'single'`,
  'UPPER lower MiXeD',
  'upper LOWER mixed',
  '日本語/1 🦊',
  'Über/1',
  'Uber/1',
  `long ${'x'.repeat(10_240)} end`,
  'escape \u001b[31m red',
  'two\nlines',
  '',
  null,
  agents.chrome,
  agents.firefox,
];

interface Condition {
  readonly option: string;
  readonly value?: string;
  readonly holds: (truth: Truth) => boolean;
}

/** The stored texts above that mean an address, without what stands around it. */
function plainAddress(stored: string | null): string {
  return (stored ?? '')
    .trim()
    .replace(/,.*|%.*/, '')
    .replace(/^(\d+(?:\.\d+){3}):\d+$/, '$1')
    .replace(/^::ffff:c000:22d$/, '192.0.2.45')
    .replace(/^::ffff:(?=\d+\.)/, '');
}

/** The second implementation of "this stored text lies in that network": Node's own. */
function inNetwork(stored: string | null, network: string, prefix: number): boolean {
  const plain = plainAddress(stored);
  const family = isIP(plain);
  if (family === 0 || family !== isIP(network)) return false;
  const list = new BlockList();
  const name = family === 4 ? 'ipv4' : 'ipv6';
  list.addSubnet(network, prefix, name);
  return list.check(plain, name);
}

const ip = (value: string, ...networks: readonly (readonly [string, number])[]): readonly Condition[] =>
  ['--ip', '--except-ip'].map((option) => ({
    option,
    value,
    // What cannot be read may be excepted, and is meant by nothing.
    holds: ({ ipAddress }) =>
      (option === '--except-ip' && (ipAddress ?? '') !== '' && isIP(plainAddress(ipAddress)) === 0) ||
      networks.some(([network, prefix]) => inNetwork(ipAddress, network, prefix)),
  }));

const agent = (value: string): Condition => ({
  option: '--user-agent',
  value,
  holds: ({ userAgent }) => (userAgent ?? '').toLowerCase().includes(value.toLowerCase()),
});

function conditionsOn(truths: readonly Truth[], people: readonly Person[]): readonly Condition[] {
  const [ada, grace, gone] = people;
  if (ada === undefined || grace === undefined || gone === undefined)
    throw new Error('there are three people');
  const user = (value: string, id: string): readonly Condition[] =>
    ['--user', '--except-user'].map((option) => ({ option, value, holds: ({ userId }) => userId === id }));
  const now = Date.now();
  const signedIn = truths.filter(({ impersonatedBy }) => impersonatedBy === null);
  const middle = [...signedIn].sort((a, b) => a.expiresAt.getTime() - b.expiresAt.getTime())[
    Math.floor(signedIn.length / 2)
  ];
  if (middle === undefined) throw new Error('there are sessions');
  const time = (
    after: string,
    before: string,
    field: 'createdAt' | 'updatedAt' | 'expiresAt',
    text: string,
    at: number,
  ) => [
    { option: after, value: text, holds: (truth: Truth) => truth[field].getTime() > at },
    { option: before, value: text, holds: (truth: Truth) => truth[field].getTime() < at },
  ];
  const times = (['createdAt', 'updatedAt', 'expiresAt'] as const).flatMap((field) => {
    const names = {
      createdAt: ['--created-after', '--created-before'],
      updatedAt: ['--active-after', '--idle-since'],
      expiresAt: ['--expires-after', '--expires-before'],
    } as const;
    const [after, before] = names[field];
    const at = middle[field].getTime();
    return [
      // The moment itself belongs to neither side, the milliseconds beside it do.
      ...time(after, before, field, new Date(at).toISOString(), at),
      ...time(after, before, field, new Date(at - 1).toISOString(), at - 1),
      ...time(after, before, field, new Date(at + 1).toISOString(), at + 1),
      ...time(after, before, field, '60h', now - 2.5 * day),
    ];
  });
  const someSession = truths[3];
  const otherSession = truths[5];
  return [
    ...user(ada.email, ada.id),
    ...user(ada.email.toUpperCase(), ada.id),
    ...user(grace.id, grace.id),
    ...user(gone.id, gone.id),
    ...ip('203.0.113.7', ['203.0.113.7', 32]),
    ...ip('203.0.113.0/24', ['203.0.113.0', 24]),
    ...ip('203.0.113.200/25', ['203.0.113.128', 25]),
    ...ip('203.0.112.0/23', ['203.0.112.0', 23]),
    ...ip('0.0.0.0/0', ['0.0.0.0', 0]),
    ...ip('192.0.2.44', ['192.0.2.44', 32]),
    ...ip('::ffff:192.0.2.44', ['192.0.2.44', 32]),
    ...ip('192.0.2.44/31', ['192.0.2.44', 31]),
    ...ip('10.0.0.1', ['10.0.0.1', 32]),
    // Better Auth stores the /64, so an address stands for all of it.
    ...ip('2001:db8:aaaa:bbbb:cccc::1', ['2001:db8:aaaa:bbbb::', 64]),
    ...ip('2001:db8:aaaa:bbbb::9', ['2001:db8:aaaa:bbbb::', 64]),
    ...ip('2001:db8:aaaa:bbbb::/64', ['2001:db8:aaaa:bbbb::', 64]),
    ...ip('2001:db8:aaaa:bbb8::/61', ['2001:db8:aaaa:bbb8::', 61]),
    ...ip('2001:db8::/32', ['2001:db8::', 32]),
    ...ip('::/0', ['::', 0]),
    ...ip('::1', ['::1', 128], ['::', 128]),
    ...[
      '100%',
      '_',
      'snake_case',
      '\\',
      'back\\slash',
      '"',
      "'",
      '%',
      'upper LOWER',
      'über',
      'uber',
      '日本語',
      '🦊',
      'END',
      '\u001b[31m',
    ]
      .concat(['two\nlines', 'x'.repeat(5000), 'chrome/131', 'ſale'])
      .map(agent),
    ...times,
    { option: '--impersonated', holds: ({ impersonatedBy }) => impersonatedBy !== null },
    { option: '--state', value: 'active', holds: ({ expiresAt }) => expiresAt.getTime() > now },
    { option: '--state', value: 'expired', holds: ({ expiresAt }) => expiresAt.getTime() <= now },
    { option: '--except-session', value: someSession?.id ?? '', holds: ({ id }) => id === someSession?.id },
    {
      option: '--except-session',
      value: otherSession?.id.slice(0, 12) ?? '',
      holds: ({ id }) => id === otherSession?.id,
    },
  ];
}

const repeatable = new Set([
  '--user',
  '--ip',
  '--user-agent',
  '--except-user',
  '--except-session',
  '--except-ip',
]);

/** Repeats of an option widen, different options narrow, and what is excepted stays out. */
function chosen(truths: readonly Truth[], conditions: readonly Condition[]): readonly string[] {
  const options = [...new Set(conditions.map(({ option }) => option))];
  const holds = (truth: Truth) =>
    options.every((option) => {
      const any = conditions.filter((one) => one.option === option).some((one) => one.holds(truth));
      return option.startsWith('--except') ? !any : any;
    });
  return truths
    .filter(holds)
    .map(({ id }) => id)
    .sort();
}

function wordsOf(conditions: readonly Condition[]): readonly string[] {
  const words = conditions.flatMap(({ option, value }) => (value === undefined ? [option] : [option, value]));
  return conditions.some(({ option }) => option === '--state') ? words : [...words, '--state', 'all'];
}

describe.each(dialects)('selecting on %s', (dialect) => {
  describeOn(dialect, 'as Better Auth’s own records would be filtered', () => {
    let deployment: Deployment;
    let people: readonly Person[];
    let truths: readonly Truth[];

    beforeAll(async () => {
      deployment = await deploy(named(`${dialect}: own adapter, plugins and additional fields`));
      ({ people, truths } = await populateForSelection(deployment));
    });
    afterAll(async () => {
      await deployment.database.drop();
    });

    const run = (...words: readonly string[]) => runMain(['--url', deployment.database.url, ...words]);
    const listIds = async (...words: readonly string[]) => {
      const { code, stdout, stderr } = await run('list', '--json', ...words);
      expect({ code, stderr }).toMatchObject({ code: 0 });
      for (const { token } of truths) expect(stdout + stderr).not.toContain(token);
      return (JSON.parse(stdout) as readonly { readonly id: string }[]).map(({ id }) => id).sort();
    };

    it('each option alone', async () => {
      const wrong: unknown[] = [];
      const empty: string[] = [];
      for (const condition of conditionsOn(truths, people)) {
        const expected = chosen(truths, [condition]);
        const listed = await listIds(...wordsOf([condition]));
        const told = (ids: readonly string[]) => ids.map((id) => tell(truths, id)).sort();
        if (JSON.stringify(listed) !== JSON.stringify(expected)) {
          const missing = told(expected.filter((id) => !listed.includes(id)));
          const surplus = told(listed.filter((id) => !expected.includes(id)));
          wrong.push({ words: wordsOf([condition]).map((word) => word.slice(0, 80)), missing, surplus });
        }
        if (expected.length === 0) empty.push(`${condition.option} ${condition.value ?? ''}`);
      }
      expect(wrong).toEqual([]);
      // A condition that nothing fulfils proves little: only those that are meant to may find nothing.
      expect(empty).toEqual(['--user-agent ſale']);
    });

    it('options together', async () => {
      const conditions = conditionsOn(truths, people).filter(({ value }) => (value?.length ?? 0) < 1000);
      const several = fc
        .uniqueArray(fc.constantFrom(...conditions), { minLength: 2, maxLength: 6 })
        .filter((picked) =>
          picked.every(
            ({ option }, at) =>
              repeatable.has(option) || picked.findIndex((one) => one.option === option) === at,
          ),
        );
      const refused: string[] = [];
      await fc.assert(
        fc.asyncProperty(several, async (picked) => {
          const words = wordsOf(picked);
          // What contradicts itself is refused, and that must never be anything that selects a session.
          if (chosen(truths, picked).length === 0 && (await run('list', ...words)).code === 2) {
            refused.push(words.join(' '));
            return;
          }
          expect(await listIds(...words)).toEqual(chosen(truths, picked));
        }),
        { numRuns: isStress ? 200 : 25, seed: 20261123, includeErrorInReport: true },
      );
      expect(refused.length).toBeLessThan(30);
    });

    it('shows each session that it lists, by id and by a prefix', async () => {
      const truth = truths[0];
      if (truth === undefined) throw new Error('there are sessions');
      for (const name of [truth.id, truth.id.slice(0, 8), truth.id.slice(0, -1)]) {
        const { code, stdout, stderr } = await run('show', name, '--json');
        expect({ code, stderr }).toMatchObject({ code: 0 });
        expect(JSON.parse(stdout)).toMatchObject({
          id: truth.id,
          userId: truth.userId,
          expiresAt: truth.expiresAt.toISOString(),
          tokenFingerprint: fingerprint(truth.token),
        });
        expect(stdout + stderr).not.toContain(truth.token);
      }
    });

    it('takes an id as it is written, also where the collation would not', async () => {
      const swapCase = (text: string) =>
        text.replace(/[a-z]/gi, (letter) => (letter < 'a' ? letter.toLowerCase() : letter.toUpperCase()));
      const session = truths[0]?.id ?? '';
      const user = people[0]?.id ?? '';
      for (const name of [
        swapCase(session),
        swapCase(session.slice(0, 12)),
        `${session} `,
        session.slice(0, 7),
        `${session.slice(0, 8)}%`,
      ]) {
        expect(await run('show', name), name).toMatchObject({ code: 1 });
      }
      for (const name of [
        swapCase(user),
        `${user} `,
        `${user}x`,
        user.slice(0, 10),
        '%',
        '_'.repeat(user.length),
      ]) {
        expect(await run('list', '--user', name), name).toMatchObject({ code: 1, stdout: '' });
      }
    });

    it('keeps two ids apart that differ in case alone', async () => {
      const { shape, database } = deployment;
      const [first, second] = truths;
      const rename = (from: string, to: string) =>
        database.query(
          `UPDATE ${shape.table('session')} SET ${shape.column('id')} = ${literal(dialect, to)} WHERE ${shape.column('id')} = ${literal(dialect, from)}`,
        );
      await rename(first?.id ?? '', 'AAAAAAAA-upper');
      await rename(second?.id ?? '', 'aaaaaaaa-lower');
      try {
        const upper = await run('show', 'AAAAAAAA', '--json');
        expect(upper).toMatchObject({ code: 0 });
        expect(JSON.parse(upper.stdout)).toMatchObject({ id: 'AAAAAAAA-upper' });
        const excepted = await listIds('--state', 'all', '--except-session', 'aaaaaaaa-lower');
        expect(excepted).toContain('AAAAAAAA-upper');
        expect(excepted).not.toContain('aaaaaaaa-lower');
      } finally {
        await rename('AAAAAAAA-upper', first?.id ?? '');
        await rename('aaaaaaaa-lower', second?.id ?? '');
      }
    });

    it('refuses an unknown user and an empty value, and never takes them for no condition', async () => {
      for (const option of ['--user', '--except-user']) {
        expect(await run('list', option, 'nobody@example.com')).toMatchObject({ code: 1, stdout: '' });
        expect(await run('list', option, '')).toMatchObject({ code: 2, stdout: '' });
      }
      for (const option of [
        '--ip',
        '--except-ip',
        '--user-agent',
        '--except-session',
        '--created-after',
        '--idle-since',
        '--state',
      ]) {
        expect(await run('list', option, ''), option).toMatchObject({ code: 2, stdout: '' });
      }
      expect(await run('list', '--except-session', 'nosuchsession')).toMatchObject({ code: 1, stdout: '' });
    });
  });

  describeOn(dialect, 'with numeric ids', () => {
    let deployment: Deployment;
    let person: Person;
    let truths: readonly Truth[];

    beforeAll(async () => {
      deployment = await deploy(named(`${dialect}: own adapter, generateId serial`));
      const others = await signUp(deployment.app, 'Other', 'other@example.com');
      person = await signUp(deployment.app, 'Twelve', 'twelve@example.com');
      await signIn(deployment.app, others, { ip: '192.0.2.1', userAgent: 'one' });
      for (const userAgent of ['two', 'three'])
        await signIn(deployment.app, person, { ip: '192.0.2.2', userAgent });
      truths = await everySession(deployment.app, [person.id]);
    });
    afterAll(async () => {
      await deployment.database.drop();
    });

    const run = (...words: readonly string[]) => runMain(['--url', deployment.database.url, ...words]);

    it('finds a user and a session by number', async () => {
      const { stdout } = await run('list', '--json', '--user', person.id);
      const listed = (
        JSON.parse(stdout) as readonly { readonly id: unknown; readonly userId: unknown }[]
      ).map(({ id, userId }) => ({ id, userId }));
      expect(new Set(listed)).toEqual(new Set(truths.map(({ id, userId }) => ({ id, userId }))));
      const shown = await run('show', truths[0]?.id ?? '', '--json');
      expect(JSON.parse(shown.stdout)).toMatchObject({ id: truths[0]?.id });
    });

    it('finds nobody by what merely begins with the number or equals it', async () => {
      const rubbish = ['abc', ' ', '.0', 'e0', '%', '\u0000'].map((tail) => `${person.id}${tail}`);
      for (const name of [
        ...rubbish,
        `0${person.id}`,
        `+${person.id}`,
        `0x${person.id}`,
        '99999999999999999999',
        '-1',
        '1.5',
      ]) {
        expect(await run('list', '--user', name), JSON.stringify(name)).toMatchObject({
          code: 1,
          stdout: '',
        });
        expect(await run('show', name), JSON.stringify(name)).toMatchObject({ code: 1, stdout: '' });
      }
    });
  });

  describeOn(dialect, 'with uuids', () => {
    let deployment: Deployment;
    afterAll(async () => {
      await deployment.database.drop();
    });

    it('finds by the uuid, by a prefix of it, and nobody by what is not one', async () => {
      deployment = await deploy(named(`${dialect}: own adapter, generateId uuid`));
      const person = await signUp(deployment.app, 'Ada', 'ada@example.com');
      await signIn(deployment.app, person, { ip: '192.0.2.1', userAgent: 'one' });
      const [truth] = await everySession(deployment.app, [person.id]);
      const id = truth?.id ?? '';
      const run = (...words: readonly string[]) => runMain(['--url', deployment.database.url, ...words]);
      for (const name of [id, id.slice(0, 8), id.slice(0, 20)]) {
        const { code, stdout, stderr } = await run('show', name, '--json');
        expect({ name, code, stderr }).toMatchObject({ code: 0 });
        expect(JSON.parse(stdout)).toMatchObject({ id });
      }
      expect(await run('list', '--user', person.id, '-o', 'ids')).toMatchObject({
        code: 0,
        stdout: `${id}\n`,
      });
      for (const name of ['not-a-uuid', '12abc', id.slice(0, 35), `${id}0`, '%%%%%%%%']) {
        expect(await run('list', '--user', name), name).toMatchObject({ code: 1, stdout: '' });
      }
      for (const name of ['not-a-uuid', `${id}0`, '%%%%%%%%'])
        expect(await run('show', name), name).toMatchObject({ code: 1 });
    });
  });
});

/** Three people, one of whom is then deleted, and a session for every stored address and agent. */
async function populateForSelection(
  deployment: Deployment,
): Promise<{ readonly people: readonly Person[]; readonly truths: readonly Truth[] }> {
  const { app, database, shape } = deployment;
  const people = [
    await signUp(app, 'Ada Lovelace', 'ada@example.com'),
    await signUp(app, 'Grace Hopper', 'grace@example.com'),
    await signUp(app, 'Gone Girl', 'gone@example.com'),
  ] as const;
  const now = Date.now();
  const count = storedAddresses.length;
  for (const index of storedAddresses.keys()) {
    const person = people[index % people.length];
    if (person === undefined) continue;
    const { token, cookie } = await signIn(app, person, { ip: '192.0.2.1', userAgent: 'to be replaced' });
    if (index === 0) await impersonate(deployment, cookie, people[0], people[1]);
    const middle = index - count / 2 + 0.25;
    await updateSession(deployment, token, {
      ipAddress: storedAddresses[index] ?? null,
      userAgent: storedAgents[index % storedAgents.length] ?? null,
      createdAt: new Date(Math.floor(now - 30 * day + index * day * 0.9)),
      updatedAt: new Date(Math.floor(now - 5 * day + index * day * 0.17)),
      expiresAt: new Date(Math.floor(now + middle * 0.4 * day)),
    });
  }
  await deleteUserButNotSessions(deployment, people[2]);
  const truths = await everySession(
    app,
    people.map(({ id }) => id),
  );
  expect(truths).toHaveLength(count + 1);
  expect(await database.query(`SELECT * FROM ${shape.table('user')}`)).toHaveLength(2);
  return { people, truths };
}

async function impersonate(
  { app, database, shape }: Deployment,
  cookie: string,
  administrator: Person,
  user: Person,
): Promise<void> {
  await database.query(
    `UPDATE ${shape.table('user')} SET role = 'admin' WHERE id = ${literal(shape.dialect, administrator.id)}`,
  );
  await post(app, '/admin/impersonate-user', cookie, { userId: user.id });
}

/** As in a database without foreign keys, or one whose rows were deleted by hand. */
async function deleteUserButNotSessions({ database, shape }: Deployment, person: Person): Promise<void> {
  const table = shape.table('session');
  if (shape.dialect === 'sqlite') await database.query('PRAGMA foreign_keys = OFF');
  else {
    const where =
      shape.dialect === 'mysql' ? 'constraint_schema = DATABASE()' : "constraint_schema = 'public'";
    const keys = await database.query(
      `SELECT constraint_name AS name FROM information_schema.table_constraints WHERE ${where} AND table_name = 'session' AND constraint_type = 'FOREIGN KEY'`,
    );
    const drop = shape.dialect === 'mysql' ? 'FOREIGN KEY' : 'CONSTRAINT';
    for (const { name } of keys)
      await database.query(
        `ALTER TABLE ${table} DROP ${drop} ${shape.dialect === 'mysql' ? `\`${String(name)}\`` : `"${String(name)}"`}`,
      );
  }
  await database.query(`DELETE FROM ${shape.table('user')} WHERE id = ${literal(shape.dialect, person.id)}`);
}

/** A pair of limits with nothing between them is refused, which `refusals.test.ts` looks at. */
function tell(truths: readonly Truth[], id: string): string {
  const truth = truths.find((one) => one.id === id);
  const parts = [
    truth?.ipAddress,
    truth?.userAgent?.slice(0, 40),
    truth?.createdAt.toISOString(),
    truth?.updatedAt.toISOString(),
    truth?.expiresAt.toISOString(),
  ];
  return JSON.stringify(parts);
}
