import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { everySession } from '../support/app.ts';
import { literal } from '../support/databases.ts';
import { dumpTables, type Dump } from '../support/dump.ts';
import type { FakeSystemOptions } from '../support/fake-system.ts';
import { operatorOn, secretsOf, type Operator } from '../support/operator.ts';
import { populate, type Population } from '../support/population.ts';
import { describeOn, type Dialect } from '../support/servers.ts';
import { deploy, plainShape, type Deployment } from '../support/shapes.ts';

const dialects: readonly Dialect[] = ['postgresql', 'mysql', 'sqlite'];

/** What somebody may mean to be harmless, or does not mean at all, and how it has to end. */
interface Accident {
  readonly words: readonly string[];
  readonly code: number;
  /** What the error has to speak of. */
  readonly says: RegExp;
  readonly stdin?: string;
}

const tomorrow = new Date(Date.now() + 86_400_000).toISOString();
const ada = 'ada@example.com';

/** Words on the command line that need nothing of what is in the database. */
const accidents: readonly Accident[] = [
  { words: ['revoke-all', '--yes'], code: 2, says: /no selection given/ },
  { words: ['revoke-all', '--yes', '--state', 'expired'], code: 2, says: /no selection given/ },
  { words: ['revoke-all', '--yes', '--state', 'all'], code: 2, says: /no selection given/ },
  { words: ['revoke-all', '--yes', '--except-user', ada], code: 2, says: /no selection given/ },
  { words: ['revoke-all', '--yes', '--except-ip', '10.0.0.0/8'], code: 2, says: /no selection given/ },
  { words: ['revoke-all', '--yes', '--max-affected', '5'], code: 2, says: /no selection given/ },
  { words: ['revoke-all', '--yes', '--until-quiet'], code: 2, says: /no selection given/ },
  { words: ['revoke-all', '--yes', '--reason', 'INC-7'], code: 2, says: /no selection given/ },
  { words: ['revoke-all', '--yes', ada], code: 2, says: /argument/ },
  { words: ['revoke-all', '--yes', '--everyone', '--user', ada], code: 2, says: /--everyone cannot be combined/ },
  { words: ['revoke-all', '--yes', '--everyone', '--created-after', '1d'], code: 2, says: /--everyone cannot be combined/ },
  { words: ['revoke-all', '--yes', '--everyone', '--impersonated'], code: 2, says: /--everyone cannot be combined/ },
  { words: ['revoke-all', '--yes', '--everyone=false'], code: 2, says: /everyone/ },
  { words: ['revoke-all', '--yes=false', '--everyone'], code: 2, says: /yes/ },
  { words: ['revoke-all', '--yes', '--everybody'], code: 2, says: /unknown option/ },
  { words: ['revoke-all', '--yes', '--usr', ada], code: 2, says: /unknown option/ },
  { words: ['revokeall', '--yes', '--everyone'], code: 2, says: /unknown/ },

  { words: ['revoke-all', '--yes', '--user', ''], code: 2, says: /--user was given an empty value/ },
  { words: ['revoke-all', '--yes', '--user', ' '], code: 2, says: /--user was given an empty value/ },
  { words: ['revoke-all', '--yes', '--user'], code: 2, says: /argument missing/ },
  { words: ['revoke-all', '--yes', '--user', 'aad@example.com'], code: 1, says: /no user has/ },
  { words: ['revoke-all', '--yes', '--user', ada, '--user', 'zoe@example.com'], code: 1, says: /no user has/ },
  { words: ['revoke-all', '--yes', '--user', '%'], code: 1, says: /no user has/ },
  { words: ['revoke-all', '--yes', '--user', 'ada'], code: 1, says: /no user has/ },
  { words: ['revoke-all', '--yes', '--everyone', '--except-user', 'aad@example.com'], code: 1, says: /no user has/ },
  { words: ['revoke-all', '--yes', '--everyone', '--except-user', ''], code: 2, says: /--except-user was given an empty/ },
  { words: ['revoke-all', '--yes', '--everyone', '--except-session', 'nosuchsession'], code: 1, says: /no session has[^]*If that session has ended, leave the option out/ },
  { words: ['revoke-all', '--yes', '--everyone', '--except-ip', '10.0.0.0/33'], code: 2, says: /--except-ip/ },
  { words: ['revoke-all', '--yes', '--impersonated-by', 'nobody@example.com'], code: 1, says: /no user has/ },

  ...['%', '*', '_', '?', '%%', ' % ', '**'].map((value) => ({
    words: ['revoke-all', '--yes', '--user-agent', value],
    code: 2,
    says: /wildcards are not supported/,
  })),
  { words: ['revoke-all', '--yes', '--user-agent', ''], code: 2, says: /--user-agent was given an empty value/ },
  { words: ['revoke-all', '--yes', '--user-agent', '\t'], code: 2, says: /--user-agent/ },
  { words: ['revoke-all', '--yes', '--ip', '0.0.0.0/33'], code: 2, says: /--ip/ },
  { words: ['revoke-all', '--yes', '--ip', '203.0.113.0/'], code: 2, says: /--ip/ },
  { words: ['revoke-all', '--yes', '--ip', '203.0.113'], code: 2, says: /--ip/ },
  { words: ['revoke-all', '--yes', '--ip', ''], code: 2, says: /--ip/ },
  { words: ['revoke-all', '--yes', '--ip', '203.0.113.0/-1'], code: 2, says: /--ip/ },
  { words: ['revoke-all', '--yes', '--state', 'any', '--user', ada], code: 2, says: /--state/ },
  { words: ['revoke-all', '--yes', '--state', '', '--user', ada], code: 2, says: /--state/ },

  { words: ['revoke-all', '--yes', '--user', ada, '--except-user', ada], code: 2, says: /excludes everything/ },
  { words: ['revoke-all', '--yes', '--ip', '203.0.113.7', '--except-ip', '203.0.113.7/8'], code: 2, says: /excludes everything/ },
  { words: ['revoke-all', '--yes', '--ip', '2001:db8::/48', '--except-ip', '2001:db8::/32'], code: 2, says: /excludes everything/ },
  { words: ['revoke-all', '--yes', '--created-after', tomorrow], code: 2, says: /future/ },
  { words: ['revoke-all', '--yes', '--active-after', tomorrow], code: 2, says: /future/ },
  { words: ['revoke-all', '--yes', '--created-after', '0s'], code: 2, says: /--created-after: "0s" ago is now/ },
  { words: ['revoke-all', '--yes', '--active-after', '0d'], code: 2, says: /--active-after: "0d" ago is now/ },
  { words: ['revoke-all', '--yes', '--created-after', '1h', '--created-before', '2h'], code: 2, says: /no time between/ },
  { words: ['revoke-all', '--yes', '--created-after', '1h', '--created-before', '60m'], code: 2, says: /no time between/ },
  { words: ['revoke-all', '--yes', '--active-after', '1h', '--idle-since', '2h'], code: 2, says: /no time between/ },
  { words: ['revoke-all', '--yes', '--created-after', '1h', '--idle-since', '2h'], code: 2, says: /no time between/ },
  { words: ['revoke-all', '--yes', '--expires-after', tomorrow, '--expires-before', '1h'], code: 2, says: /no time between/ },
  { words: ['revoke-all', '--yes', '--user', ada, '--state', 'expired', '--expires-after', tomorrow], code: 2, says: /no time between/ },
  { words: ['revoke-all', '--yes', '--created-after', '2h', '--created-after', '3h'], code: 2, says: /--created-after/ },
  { words: ['revoke-all', '--yes', '--created-after', 'yesterday'], code: 2, says: /--created-after/ },
  { words: ['revoke-all', '--yes', '--created-after', ''], code: 2, says: /--created-after/ },

  { words: ['revoke-all', '--user', ada], code: 2, says: /--yes/ },
  { words: ['revoke-all', '--everyone'], code: 2, says: /--yes/ },
  { words: ['revoke-all', '--everyone', '--no-input'], code: 2, says: /--yes/ },
  { words: ['revoke-all', '--yes', '--user', ada, '--max-affected', 'abc'], code: 2, says: /--max-affected/ },
  { words: ['revoke-all', '--yes', '--user', ada, '--max-affected', ''], code: 2, says: /--max-affected/ },
  { words: ['revoke-all', '--yes', '--user', ada, '--max-affected', '-1'], code: 2, says: /--max-affected/ },
  { words: ['revoke-all', '--yes', '--user', ada, '--max-affected', '1e3'], code: 2, says: /--max-affected/ },
  { words: ['revoke-all', '--yes', '--user', ada, '--max-affected', '99', '--max-affected', '999'], code: 2, says: /--max-affected/ },
  { words: ['revoke-all', '--yes', '--user', ada, '--reason', ' '], code: 2, says: /--reason/ },
  { words: ['revoke-all', '--yes', '--user', ada, '-o', 'csv'], code: 2, says: /csv/ },
  { words: ['revoke-all', '--yes', '--user', ada, '--max-affected', '3'], code: 7, says: /4 sessions match.*allows 3/ },
  { words: ['revoke-all', '--yes', '--everyone', '--max-affected', '0'], code: 7, says: /8 sessions match/ },
  { words: ['revoke-all', '--yes', '--everyone', '--max-affected', '7', '--until-quiet'], code: 7, says: /nothing was changed/ },

  { words: ['revoke', '--yes'], code: 2, says: /no selection given/ },
  { words: ['revoke', '', '--yes'], code: 2, says: /id is empty/ },
  { words: ['revoke', '%', '--yes'], code: 1, says: /not found/ },
  { words: ['revoke', '%%%%%%%%', '--yes'], code: 1, says: /not found/ },
  { words: ['revoke', '________', '--yes'], code: 1, says: /not found/ },
  { words: ['revoke', 'nosuchsession', '--yes'], code: 1, says: /not found: nosuchsession/ },
  { words: ['revoke', '--user', ada, '--yes'], code: 2, says: /no terminal to ask on/ },
  { words: ['revoke', 'nosuchsession', '--user', ada, '--yes'], code: 2, says: /cannot be combined/ },
  { words: ['revoke', '-', '--token-stdin', '--yes'], code: 2, says: /cannot be combined/, stdin: 'x' },
  { words: ['revoke', '-', '--yes'], code: 2, says: /stdin is empty/ },
  { words: ['revoke', '-', '--yes'], code: 2, says: /stdin is empty/, stdin: '\n \n\n' },
  { words: ['revoke', '--token-stdin', '--yes'], code: 2, says: /stdin is empty/ },
  { words: ['revoke', '--token-stdin', '--yes'], code: 1, says: /line 1 .*not a token/, stdin: 'no token at all\n' },
  { words: ['revoke', '-', '--yes'], code: 1, says: /not found/, stdin: '[]\n' },
  { words: ['revoke', '-'], code: 2, says: /--yes/, stdin: 'whatever\n' },
  { words: ['revoke', '--token-stdin'], code: 2, says: /--yes/, stdin: 'whatever\n' },
]; // prettier-ignore

describe.each(dialects)('accidents on %s', (dialect) => {
  describeOn(dialect, 'change nothing', () => {
    let deployment: Deployment;
    let population: Population;
    let operator: Operator;
    /** Who is asked, and so may cancel. */
    let atTerminal: Operator;
    let before: Dump;
    const ids = { long: '', twin: 'TwinTwinA', otherTwin: 'TwinTwinB' };
    let token = '';
    let cookieValue = '';

    beforeAll(async () => {
      deployment = await deploy(plainShape(dialect));
      const { app, database, shape } = deployment;
      population = await populate(deployment);
      const people = population.people.map(({ id }) => id);
      const [first, second, third] = await everySession(app, people);
      const rename = (from: string | undefined, to: string) =>
        database.query(
          `UPDATE ${shape.table('session')} SET id = ${literal(dialect, to)} WHERE id = ${literal(dialect, from ?? '')}`,
        );
      await rename(first?.id, ids.twin);
      await rename(second?.id, ids.otherTwin);
      ids.long = third?.id ?? '';
      token = third?.token ?? '';
      const signIn = population.signIns.flat().find((one) => one.token === token);
      cookieValue = /session_token=([^;]+)/.exec(signIn?.cookie ?? '')?.[1] ?? '';
      operator = operatorOn(database.url);
      atTerminal = operatorOn(database.url);
      before = await dumpTables(database);
    });
    afterAll(async () => {
      await deployment.database.drop();
    });

    const refused = async (
      { words, code, says, stdin }: Accident,
      options: FakeSystemOptions = {},
      by: Operator = operator,
    ) => {
      const ran = await by.run(words, stdin === undefined ? options : { ...options, stdin });
      expect(ran.code, ran.stderr).toBe(code);
      expect(ran.stderr).toMatch(/^error: /m);
      expect(ran.stderr.replace(/\s+/g, ' ')).toMatch(says);
      expect(ran.stderr).not.toMatch(/unexpected|defect of sessionctl/);
      const asJson = await by.run(
        [...words, '--json'],
        stdin === undefined ? options : { ...options, stdin },
      );
      if (!words.includes('-o')) expect(asJson.code, asJson.stderr).toBe(code);
      expect(await dumpTables(deployment.database)).toEqual(before);
    };

    it('there is something to lose', () => {
      expect(Object.keys(before)).toEqual(['account', 'session', 'user', 'verification']);
      expect(before['session']).toHaveLength(8);
      expect(ids.long).toMatch(/^\w{32}$/);
      expect(token).toMatch(/^\w{32}$/);
      expect(cookieValue).toContain(token);
    });

    for (const accident of accidents) {
      const { words, stdin } = accident;
      const input = stdin === undefined ? '' : ` < ${JSON.stringify(stdin)}`;
      it(`${words.map((word) => (/^[\w@.:/,-]+$/.test(word) ? word : `'${word}'`)).join(' ')}${input}`, () =>
        refused(accident));
    }

    it('a prefix that fits two sessions, alone and beside an id that fits one', async () => {
      const says = /several sessions have an id that begins with "TwinTwin"/;
      await refused({ words: ['revoke', 'TwinTwin', '--yes'], code: 2, says });
      await refused({ words: ['revoke', ids.long, 'TwinTwin', '--yes'], code: 2, says });
      // Other commands write whole ids, where one that is gone must not stand for another.
      const notFound = /not found: TwinTwin/;
      await refused({ words: ['revoke', '-', '--yes'], code: 1, says: notFound, stdin: 'TwinTwin\n' });
      await refused({
        words: ['revoke-all', '--everyone', '--except-session', 'TwinTwin', '--yes'],
        code: 2,
        says,
      });
    });

    it('a prefix of seven characters', async () => {
      await refused({ words: ['revoke', ids.long.slice(0, 7), '--yes'], code: 1, says: /not found/ });
      await refused({
        words: ['revoke', '-', '--yes'],
        code: 1,
        says: /not found/,
        stdin: ids.long.slice(0, 7),
      });
    });

    it('an id with something behind it, or in another case', async () => {
      const swapped = ids.twin.replace(/[a-z]/gi, (letter) =>
        letter < 'a' ? letter.toLowerCase() : letter.toUpperCase(),
      );
      for (const word of [`${ids.long}x`, `${ids.long} `, `${ids.long},${ids.twin}`, swapped])
        await refused({ words: ['revoke', word, '--yes'], code: 1, says: /not found/ });
    });

    it('an id that is excepted from itself', async () => {
      const words = ['revoke-all', '--user', ada, '--except-user', ada.toUpperCase(), '--yes'];
      await refused({ words, code: 2, says: /excludes everything/ });
    });

    it('a token, or a cookie, in place of an id or a user, which is not echoed', async () => {
      for (const secret of [token, cookieValue, decodeURIComponent(cookieValue)]) {
        await refused({ words: ['revoke', secret, '--yes'], code: 1, says: /argument 1 \(a token/ });
        await refused({
          words: ['revoke', '-', '--yes'],
          code: 1,
          says: /line 2 of stdin \(a token/,
          stdin: `\n${secret}`,
        });
        await refused({
          words: ['revoke-all', '--user', secret, '--yes'],
          code: 1,
          says: /a token was given/,
        });
        await refused({
          words: ['revoke-all', '--everyone', '--except-session', secret, '--yes'],
          code: 1,
          says: /a token was given/,
        });
      }
    });

    it('a token where none belongs is not kept for everybody to read', async () => {
      const ends = ['revoke-all', '--everyone', '--max-affected', '2', '--yes'];
      const isSeenAfter = async (words: readonly string[]) => {
        const hasty = operatorOn(deployment.database.url);
        const { code } = await hasty.run(words);
        expect(code).not.toBe(0);
        return hasty.sawAny([token, cookieValue]).length > 0;
      };
      const wordsWith = (secret: string): readonly (readonly string[])[] => [
        ['revoke', ` ${secret} `, '--yes'],
        ['revoke', `"${secret}"`, '--yes'],
        ['revoke', `Bearer ${secret}`, '--yes'],
        ['revoke', `--token=${secret}`, '--yes'],
        ['revoke', `--token-stdin=${secret}`, '--yes'],
        [...ends, '--reason', `stolen: ${secret}`],
      ];
      const seen: string[] = [];
      for (const [name, secret] of [
        ['token', token],
        ['cookie', cookieValue],
      ] as const) {
        for (const words of wordsWith(secret)) {
          if (await isSeenAfter(words)) seen.push(words.join(' ').replace(secret, `<${name}>`));
        }
      }
      expect(seen).toEqual([]);
    });

    it('an answer that is not yes', async () => {
      for (const keys of ['n\r', '\r', 'maybe\r', '\u0003']) {
        const sitting = atTerminal.sitDown(['revoke-all', '--user', ada]);
        await sitting.shows(/End these 4 sessions\?/);
        sitting.type(keys);
        expect(await sitting.ended).toMatchObject({ code: 130 });
        expect(await dumpTables(deployment.database)).toEqual(before);
      }
      expect(atTerminal.history().map(({ event }) => event)).toEqual(Array(4).fill('cancelled'));
    });

    it('sessions that are not ticked, under a title that says whose they are', async () => {
      for (const [words, title] of [
        [[ada], 'Sessions of ada@example.com to end'],
        [[ada, '--user', 'grace@example.com'], / and 1 other to end/],
      ] as const) {
        const sitting = atTerminal.sitDown(['revoke', '--user', ...words]);
        await sitting.shows(new RegExp(title));
        sitting.type('\u0004');
        expect(await sitting.ended).toMatchObject({ code: 130 });
        expect(await dumpTables(deployment.database)).toEqual(before);
      }
    });

    it('a Redis that cannot be reached', async () => {
      const cautious = operatorOn(deployment.database.url, { redis: { url: 'redis://127.0.0.1:1' } });
      const says = /cannot reach Redis 127\.0\.0\.1:1\/0: no server listens there/;
      await refused({ words: ['revoke-all', '--everyone', '--yes'], code: 4, says }, {}, cautious);
      await refused({ words: ['revoke', ids.long, '--yes'], code: 4, says }, {}, cautious);
      await refused(
        { words: ['revoke', '--token-stdin', '--yes'], code: 4, says, stdin: token },
        {},
        cautious,
      );
      expect(cautious.history()).toEqual([]);
    });

    it('nothing but refusals are in the history', () => {
      const events = operator.history().map(({ event, revoked }) => ({ event, revoked }));
      // --max-affected alone comes as far as a plan: three accidents, each told twice.
      expect(events).toEqual(Array(6).fill({ event: 'refused', revoked: null }));
    });

    it('and no token is seen', () => {
      const secrets = population.signIns.flat().flatMap(secretsOf);
      for (const each of [operator, atTerminal]) expect(each.sawAny(secrets)).toEqual([]);
      const shown = 'several sessions have an id that begins with';
      expect(operator.sawAny([shown]), 'looking finds what was shown').toEqual([shown]);
    });
  });
});
