import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it, onTestFinished } from 'vitest';
import { signIn, signUp, type Person, type SignIn } from '../../support/app.ts';
import { dialects, rounds } from '../../support/faults.ts';
import { inZone } from '../../support/in-zone.ts';
import { operatorOn, secretsOf } from '../../support/operator.ts';
import { describeOn } from '../../support/servers.ts';
import { deploy, plainShape, type Shape } from '../../support/shapes.ts';
import { reportOf } from '../../support/sweeping.ts';

/** Milliseconds. */
const duration = rounds * 1500;
const client = { ip: '192.0.2.1', userAgent: 'Firefox' };

/** Sessions that live for two seconds, and are refreshed by every request. */
const shortLived = (shape: Shape): Shape => ({
  ...shape,
  install: async (database) => ({
    ...(await shape.install(database)),
    session: { expiresIn: 2, updateAge: 0 },
  }),
});

const cases = dialects.flatMap((dialect) => {
  const plain = { dialect, title: dialect, shape: plainShape(dialect), zone: 'UTC' };
  if (dialect !== 'mysql') return [plain];
  const shape: Shape = { ...plain.shape, databaseOptions: { mysqlTimeZone: 'local' } };
  return [
    plain,
    { dialect, title: 'mysql, an application in Los Angeles', shape, zone: 'America/Los_Angeles' },
  ];
});

interface Visitor extends SignIn {
  /** Until when it lives for certain. */
  readonly until: number;
}

describe('a live session is never lost', () => {
  for (const { dialect, title, shape, zone } of cases) {
    describeOn(dialect, title, () => {
      it(
        `beside sweeps, sessions are refreshed as late as can be (${String(duration / 1000)} s)`,
        { timeout: duration + 120_000 },
        async () => {
          await inZone(zone, async () => {
            const { app, database } = await deploy(shortLived(shape));
            onTestFinished(() => database.drop());
            const operator = operatorOn(database.url, { timeZone: zone });
            // Before anything is swept: SQLite refuses a sign-up while somebody else writes (docs/cron.md).
            const people = await Promise.all(
              Array.from({ length: 24 }, (_, number) =>
                signUp(app, 'Ada', `ada-${String(number)}@example.com`),
              ),
            );
            const end = Date.now() + duration;
            const lost: string[] = [];
            const late: number[] = [];
            const everybody: SignIn[] = [];
            const alive: (Visitor | null)[] = [];
            const swept = { runs: 0, deleted: 0 };
            const isOver = () => {
              const hasProven =
                swept.runs > 1 && swept.deleted > 0 && late.length > 20 && Math.min(...late) < 50;
              return hasProven && Date.now() >= end;
            };

            /** Comes back shortly before the session ends, or after that, as people do. */
            const visitor = async (person: Person) => {
              let own: Visitor | null = null;
              while (!isOver()) {
                if (own === null) {
                  const begun = Date.now();
                  const signedIn = await signIn(app, person, client);
                  everybody.push(signedIn);
                  own = { ...signedIn, until: begun + 2000 };
                }
                const { cookie, until }: Visitor = own;
                const early = [5, 20, 60, 300, 1500][Math.floor(Math.random() * 5)] ?? 0;
                await sleep(Math.max(0, until - early - Date.now()));
                // Somebody abandons theirs.
                if (Math.random() < 0.2) {
                  own = null;
                  continue;
                }
                const asked = Date.now();
                const answer = await app.api.getSession({ headers: { cookie } });
                if (answer !== null) {
                  late.push(until - asked);
                  own = { ...own, until: asked + 2000 };
                } else {
                  // Better Auth asks the clock after it was asked itself.
                  if (Date.now() < until) lost.push(`${String(until - Date.now())} ms before its end`);
                  own = null;
                }
              }
              alive.push(own);
            };

            const sweeps = async () => {
              while (!isOver()) {
                const words = ['sweep', '--json', ...(swept.runs % 3 === 2 ? ['--batch-size', '3'] : [])];
                const ran = await (dialect === 'sqlite' ? operator.runBinary(words) : operator.run(words));
                expect(ran.code, ran.stderr).toBe(0);
                swept.runs += 1;
                swept.deleted += reportOf(ran).deleted;
              }
            };
            await Promise.all([sweeps(), ...people.map(visitor)]);

            expect(lost).toEqual([]);
            const judged = await Promise.all(
              alive.map(async (one) => {
                if (one === null || one.until < Date.now() + 200) return true;
                const answer = await app.api.getSession({ headers: { cookie: one.cookie } });
                // As above: on a busy machine it may have ended before Better Auth asked the clock.
                return answer !== null || Date.now() >= one.until;
              }),
            );
            expect(judged).not.toContain(false);
            // Otherwise this has proven nothing.
            expect(swept.runs).toBeGreaterThan(1);
            expect(swept.deleted).toBeGreaterThan(0);
            expect(late.length).toBeGreaterThan(20);
            expect(Math.min(...late)).toBeLessThan(50);
            expect(operator.sawAny(everybody.flatMap(secretsOf))).toEqual([]);
          });
        },
      );
    });
  }
});
