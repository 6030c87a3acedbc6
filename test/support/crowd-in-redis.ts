import { expect } from 'vitest';
import { liveSessions, signIn, signUp, type Client, type Person, type SignIn, type Truth } from './app.ts';
import { operatorOn, secretsOf, type Operator } from './operator.ts';
import { agents } from './population.ts';
import {
  deploySecondary,
  readIndex,
  storedTokens,
  whichAnswer,
  type SecondaryDeployment,
  type SecondaryOptions,
} from './secondary.ts';

/** One sign-in of a small crowd. */
export interface Member {
  readonly person: Person;
  readonly client: Client;
  readonly signIn: SignIn;
  /** As Better Auth tells it. */
  readonly truth: Truth;
}

/** People who are signed in to an application with secondary storage, keys of somebody else, and an operator. */
export interface CrowdInRedis {
  readonly deployment: SecondaryDeployment;
  readonly operator: Operator;
  readonly members: readonly Member[];
  /** Better Auth takes exactly these for signed in, lists no other, and nothing of the rest is left anywhere. */
  readonly onlyLive: (living: readonly Member[]) => Promise<void>;
  /** Nobody else's keys have changed, no secret was seen; then everything is dropped. */
  readonly end: () => Promise<void>;
}

const people: readonly { readonly name: string; readonly clients: readonly Client[] }[] = [
  {
    name: 'ada',
    clients: [
      { ip: '203.0.113.7', userAgent: agents.chrome },
      { ip: '2001:db8:aaaa:bbbb:cccc::1', userAgent: agents.iphone },
      { ip: '::ffff:192.0.2.44', userAgent: agents.curl },
      { ip: '203.0.113.200', userAgent: agents.firefox },
    ],
  },
  {
    name: 'zoe',
    clients: [
      { ip: '198.51.100.23', userAgent: agents.firefox },
      { ip: 'not an address', userAgent: 'Ünïcode/1.0 (a; "quoted"; b\\c) \u001b[31m {"session":1}' },
    ],
  },
  {
    name: 'grace',
    clients: [
      { ip: '192.0.2.1', userAgent: agents.chrome },
      { ip: '192.0.2.1', userAgent: '' },
    ],
  },
];

/** What other applications keep beside the sessions, some of which looks like them. */
const foreign: readonly (readonly [name: string, value: string])[] = [
  ['rate-limit:203.0.113.7', '{"count":3,"lastRequest":1}'],
  ['other-session', '{"session":{"token":"somebody-elses","userId":"1","id":"1"},"user":{}}'],
  ['a'.repeat(32), 'thirty-two letters, and no session'],
  ['b'.repeat(32), '{"session":null,"user":null}'],
  ['broken', '{"session":{"token":"broken"'],
];

export async function crowdInRedis(given: SecondaryOptions): Promise<CrowdInRedis> {
  const deployment = await deploySecondary(given);
  const { app, space } = deployment;
  const operator = operatorOn(deployment.database.url, deployment.profile);
  const signedIn: Omit<Member, 'truth'>[] = [];
  for (const { name, clients } of people) {
    const person = await signUp(app, name, `${name}@example.com`);
    for (const client of clients)
      signedIn.push({ person, client, signIn: await signIn(app, person, client) });
  }
  for (const [name, value] of foreign) await space.set(name, value);
  await space.client.rpush(`${space.prefix}list`, 'x');
  await space.client.hset(`${space.prefix}hash`, 'session', 'x');
  const members = await Promise.all(
    signedIn.map(async (one) => {
      const truths = await liveSessions(app, one.signIn.cookie);
      const truth = truths.find(({ token }) => token === one.signIn.token);
      if (truth === undefined) throw new Error('Better Auth does not list a session that has just begun');
      return { ...one, truth };
    }),
  );

  return {
    deployment,
    operator,
    members,

    async onlyLive(living) {
      const tokens = living.map((member) => member.signIn.token).sort();
      const answering = await whichAnswer(
        app,
        members.map((member) => member.signIn),
      );
      expect(answering.map(({ token }) => token).sort(), 'whose cookie is valid').toEqual(tokens);

      const listed = await operator.run(['list', '--json']);
      expect(listed).toMatchObject({ code: 0 });
      const shown = JSON.parse(listed.stdout) as readonly { readonly id: string }[];
      const ids = living.map(({ truth }) => truth.id).sort();
      expect(shown.map(({ id }) => id).sort(), 'what sessionctl lists').toEqual(ids);

      const keys = await space.keys();
      const indexed: string[] = [];
      for (const userId of new Set(members.map(({ person }) => person.id)))
        for (const { token } of await readIndex(space, userId)) indexed.push(token);
      expect(indexed.sort(), 'what the indexes name').toEqual(tokens);
      const allTokens = members.map((member) => member.signIn.token);
      expect(keys.filter((key) => allTokens.includes(key)).sort(), 'what Redis holds').toEqual(tokens);
      const rows = [...(await storedTokens(deployment))].sort();
      if (deployment.mode === 'both') expect(rows, 'what the database holds').toEqual(tokens);
      if (deployment.mode === 'preserved') expect(rows, 'records').toEqual(allTokens.sort());
    },

    async end() {
      for (const [name, value] of foreign) expect(await space.get(name)).toBe(value);
      expect(await space.client.lrange(`${space.prefix}list`, 0, -1)).toEqual(['x']);
      expect(await space.client.hgetall(`${space.prefix}hash`)).toEqual({ session: 'x' });
      const secrets = members.flatMap((member) => secretsOf(member.signIn));
      expect(operator.sawAny(secrets), 'secrets that were seen').toEqual([]);
      await deployment.drop();
    },
  };
}
