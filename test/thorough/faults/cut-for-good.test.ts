import { expect, it } from 'vitest';
import { everyone, servers } from '../../support/faults.ts';
import { stageOn } from '../../support/scene.ts';
import { describeOn } from '../../support/servers.ts';
import { startProxy } from '../../support/tcp-proxy.ts';

const sessions = 3;

/** What reaches the server from the first deletion on, and is cut off there for good: at each such place in turn. */
for (const dialect of servers) {
  const stage = stageOn(dialect, { withTokens: false });

  describeOn(dialect, `${dialect}: the database is gone for good once something was deleted`, () => {
    it.each([
      { words: everyone, ended: 'revoked', expired: false },
      {
        words: ['limit', '--max', '1', '--yes', '--json', '--time-zone', 'UTC'],
        ended: 'revoked',
        expired: false,
      },
      { words: ['sweep', '--json', '--time-zone', 'UTC'], ended: 'deleted', expired: true },
    ] as const)(
      '$words: the report and the history say what is known',
      { timeout: 120_000 },
      async (command) => {
        const { words, ended: field, expired } = command;
        for (let place = 0; ; place += 1) {
          const scene = await stage({ sessions, expired });
          const proxy = await startProxy(scene.deployment.database.url);
          try {
            let seen = 0;
            proxy.cutForGoodWhen((chunk) => {
              // Behind a few bytes of the protocol, and not the one that is tried on no row.
              const isDelete =
                /^.{0,12}DELETE/is.test(chunk.toString('latin1')) && !chunk.includes('WHERE 1 = 0');
              if (seen > 0 || isDelete) seen += 1;
              return seen === place + 1;
            });
            const { code, stdout, stderr } = await scene.runHere(words, { url: proxy.url });
            if (stdout === '') throw new Error(`no report: ${String(place)} ${stderr}`);
            const report = JSON.parse(stdout) as Readonly<Record<string, unknown>>;
            const ended = Number(report[field]);
            const gone = sessions - (await scene.crowd.count());
            if (proxy.strikes() === 0) {
              expect({ code, ended, remaining: report['remaining'] }).toEqual({
                code: 0,
                ended: gone,
                remaining: 0,
              });
              expect(place, 'places at which it was cut').toBeGreaterThan(2);
              break;
            }
            // What was deleted and not answered is uncertain.
            if (report['uncertain'] === true) expect(ended).toBeLessThanOrEqual(gone);
            else expect(ended).toBe(gone);
            const isProven = report['remaining'] === 0 && (expired || report['effectiveAt'] !== null);
            const [run] = await scene.history();
            // Behind all that is asked the connection is but closed.
            expect({ place, code, stderr, run }).toMatchObject({
              code: isProven ? 0 : 4,
              stderr: expect.stringMatching(isProven ? '' : /had been (deleted|ended)/) as unknown,
              run: { revoked: ended, remaining: report['remaining'] },
            });
          } finally {
            await proxy.stop();
          }
        }
      },
    );
  });
}
