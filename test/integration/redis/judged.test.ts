import { expect, it } from 'vitest';
import { crowdInRedis, type CrowdInRedis, type Member } from '../../support/crowd-in-redis.ts';
import { fingerprint } from '../../support/app.ts';
import { missingRedisServer } from '../../support/private-redis.ts';
import { modes, storages, type Mode, type SecondaryOptions } from '../../support/secondary.ts';
import { describeUnless, missingServer } from '../../support/servers.ts';

const dialects = ['postgresql', 'mysql', 'sqlite'] as const;

async function withCrowd(options: SecondaryOptions, judge: (crowd: CrowdInRedis) => Promise<void>) {
  const crowd = await crowdInRedis(options);
  try {
    await crowd.onlyLive(crowd.members);
    await judge(crowd);
  } finally {
    await crowd.end();
  }
}

const idOf = (member: Member | undefined) => member?.truth.id ?? 'nobody';
const signatureOf = (member: Member | undefined) =>
  /session_token=([^;]+)/.exec(member?.signIn.cookie ?? '')?.[1] ?? 'nobody';

/** Ways to name sessions, and whom they mean, by their places in the crowd. */
const endings: readonly {
  readonly name: string;
  readonly words: (members: readonly Member[]) => readonly string[];
  readonly stdin?: (members: readonly Member[]) => string;
  readonly means: readonly number[];
}[] = [
  { name: 'by id', words: ([, second]) => ['revoke', idOf(second)], means: [1] },
  { name: 'by a beginning of the id', words: ([first]) => ['revoke', idOf(first).slice(0, 12)], means: [0] },
  {
    name: 'by ids on stdin',
    words: () => ['revoke', '-'],
    stdin: (members) => `${idOf(members[2])}\n${idOf(members[4])}\n`,
    means: [2, 4],
  },
  {
    name: 'by leaked tokens and cookies',
    words: () => ['revoke', '--token-stdin'],
    stdin: (members) =>
      `${members[3]?.signIn.token ?? ''}\n${signatureOf(members[5])}\n${members[6]?.signIn.cookie ?? ''}\n`,
    means: [3, 5, 6],
  },
  { name: 'by user', words: () => ['revoke-all', '--user', 'ada@example.com'], means: [0, 1, 2, 3] },
  {
    name: 'by user but for one session',
    words: (members) => ['revoke-all', '--user', 'ada@example.com', '--except-session', idOf(members[2])],
    means: [0, 1, 3],
  },
  { name: 'by network', words: () => ['revoke-all', '--ip', '203.0.113.0/24'], means: [0, 3] },
  { name: 'by masked IPv6', words: () => ['revoke-all', '--ip', '2001:db8:aaaa:bbbb:cccc::1'], means: [1] },
  { name: 'by agent', words: () => ['revoke-all', '--user-agent', 'FIREFOX'], means: [3, 4] },
  { name: 'by hostile agent', words: () => ['revoke-all', '--user-agent', '"quoted"; B\\c'], means: [5] },
  { name: 'by time', words: () => ['revoke-all', '--created-after', '1h'], means: [0, 1, 2, 3, 4, 5, 6, 7] },
  { name: 'by time, nobody', words: () => ['revoke-all', '--idle-since', '1h'], means: [] },
  {
    name: 'everybody but one user and a network',
    words: () => [
      'revoke-all', '--everyone', '--except-user', 'grace@example.com', '--except-ip', '203.0.113.7',
    ],
    means: [1, 2, 3, 4, 5],
  },
  { name: 'everybody', words: () => ['revoke-all', '--everyone'], means: [0, 1, 2, 3, 4, 5, 6, 7] },
]; // prettier-ignore

/**
 * Each ending is judged on each database, in each mode and with each storage, but only in three of all eighteen
 * combinations: `test:stress` does the others.
 */
const isOnShare = (place: number) => process.env['SESSIONCTL_TEST_ROUNDS'] !== undefined || place % 6 === 0;

const placeIn = (mode: Mode) => (mode === 'secondary only' ? 'secondary' : 'both');

for (const [nth, dialect] of dialects.entries()) {
  for (const storage of storages) {
    const missing =
      missingServer(dialect) ?? (storage === 'official' ? missingServer('redis') : missingRedisServer());
    describeUnless(missing, `with Redis, ${dialect}, ${storage} storage`, () => {
      it.concurrent.each(modes)('%s: a list is what Better Auth itself tells', async (mode) => {
        await withCrowd({ dialect, mode, storage }, async ({ operator, members }) => {
          for (const words of [[], ['--sort', 'none'], ['--state', 'all'], ['--sort', 'id:asc']]) {
            const { stdout, stderr, code } = await operator.run(['list', '--json', ...words]);
            expect({ stderr, code }).toEqual({ stderr: '', code: 0 });
            const sessions = JSON.parse(stdout) as readonly { readonly id: string }[];
            const byId = (one: { readonly id: string }, other: { readonly id: string }) =>
              one.id < other.id ? -1 : 1;
            const truths = members.map(({ truth, person }) => ({
              id: truth.id,
              userId: person.id,
              userEmail: person.email,
              userName: person.name,
              state: 'active',
              createdAt: truth.createdAt.toISOString(),
              updatedAt: truth.updatedAt.toISOString(),
              lastActiveAt: truth.updatedAt.toISOString(),
              expiresAt: truth.expiresAt.toISOString(),
              ipAddress: truth.ipAddress,
              userAgent: truth.userAgent,
              device: truth.userAgent === '' ? null : (expect.any(String) as string),
              impersonatedBy: null,
              store: placeIn(mode),
              tokenFingerprint: fingerprint(truth.token),
            }));
            expect(sessions.toSorted(byId)).toEqual(truths.toSorted(byId));
            if (words.includes('id:asc')) expect(sessions).toEqual(sessions.toSorted(byId));
          }
          const [ada] = members;
          const one = await operator.run(['show', idOf(ada), '--json']);
          expect(JSON.parse(one.stdout)).toMatchObject({ id: idOf(ada), store: placeIn(mode) });
        });
      });

      it.concurrent.each(
        modes
          .flatMap((mode, ofMode) =>
            endings.map((ending, at) => ({ mode, ...ending, place: 2 * nth + ofMode + at })),
          )
          .filter(({ place }) => isOnShare(place + modes.length * storages.indexOf(storage))),
      )('$mode: ends exactly those who are meant, $name', async ({ mode, words, stdin, means }) => {
        await withCrowd({ dialect, mode, storage }, async (crowd) => {
          const { operator, members, onlyLive } = crowd;
          const typed = words(members);
          const input = stdin === undefined ? {} : { stdin: stdin(members) };
          if (typed[0] === 'revoke-all') {
            const preview = await operator.run(
                ['list', ...typed.slice(1).filter((word) => word !== '--everyone'), '--state', 'all', '-o', 'ids'],
              ); // prettier-ignore
            const meant = means.map((at) => idOf(members[at]));
            expect(preview.stdout.split('\n').filter((id) => id !== '').sort()).toEqual(meant.sort()); // prettier-ignore
          }
          const dry = await operator.run([...typed, '--dry-run', '--json'], input);
          expect({ ...dry, stdout: JSON.parse(dry.stdout) as unknown }).toMatchObject({
            code: 0,
            stdout: { matched: means.length, revoked: 0 },
          });
          await onlyLive(members);

          const done = await operator.run([...typed, '--yes', '--json', '-q'], input);
          expect(done).toMatchObject({ code: 0, stderr: '' });
          expect(JSON.parse(done.stdout)).toMatchObject({
            matched: means.length,
            revoked: means.length,
            remaining: 0,
            secondary: means.length === 0 ? { deleted: 0 } : { deleted: means.length, remaining: 0 },
            survivors: [],
          });
          await onlyLive(members.filter((_, at) => !means.includes(at)));
        });
      });
    });
  }
}
