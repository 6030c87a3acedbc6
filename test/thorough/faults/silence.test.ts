import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { everyone, servers, small } from '../../support/faults.ts';
import { silentOnceSent } from '../../support/fake-server.ts';
import { emptyDirectory } from '../../support/run-sessionctl.ts';
import { sceneOn } from '../../support/scene.ts';
import { describeOn } from '../../support/servers.ts';

const impatient = join(emptyDirectory, 'impatient.toml');
writeFileSync(
  impatient,
  '[profiles.a]\nurl = "${DATABASE_URL}"\ntime_zone = "UTC"\nconnect_timeout = "1s"\nstatement_timeout = "1s"\n',
);
/** The statement that changes something, not the one that tries its right on no row. */
const isChange = (sent: string) => /DELETE(?: `?\w+`?)? FROM(?![^]*1 = 0)/i.test(sent);
const isOfRows = (sent: string) =>
  /SELECT[^]*user_?Agent/i.test(sent) && !/information_schema|pg_class/i.test(sent);

interface Case {
  readonly words: readonly string[];
  /** What the client says last. */
  readonly isLast: (sent: string) => boolean;
  /** Bytes of the answer that arrive. */
  readonly answered?: number;
}

const cases: Readonly<Record<string, Case>> = {
  list: { words: ['list', '--limit', '200', '--wide'], isLast: isOfRows, answered: 5000 },
  'whole list': { words: ['list', '-o', 'csv', '--wide'], isLast: isOfRows, answered: 5000 },
  stats: { words: ['stats', '--json'], isLast: (sent) => /GROUP BY/i.test(sent) },
  sweep: { words: ['sweep', '--json'], isLast: isChange },
  revocation: { words: everyone, isLast: isChange },
};

for (const dialect of servers) {
  describeOn(dialect, `${dialect}: the server falls silent`, () => {
    it('in the middle of a command, which ends by itself', async () => {
      // At once: each waits for statement_timeout and 5 seconds, and a change is tried twice.
      const ended = Object.entries(cases).map(async ([name, { words, isLast, answered }]) => {
        await using scene = await sceneOn(dialect, { sessions: small.sessions, expired: name === 'sweep' });
        const { url } = await silentOnceSent(scene.deployment.database.url, isLast, answered);
        const { code, stderr, stdout } = await scene.run(['--config', impatient, ...words], {
          url: null,
          env: { DATABASE_URL: url },
        });
        expect(code, `${name}: ${stderr}`).toBe(4);
        expect(stderr).toMatch(/the server did not answer a statement, and the connection was cut/);
        expect(await scene.crowd.count()).toBe(small.sessions);
        return stdout;
      });
      const [list, whole, stats, swept = '', revoked = ''] = await Promise.all(ended);
      expect({ list, stats }).toEqual({ list: '', stats: '' });
      // As far as it came.
      expect(whole).toMatch(/^id,userId,/);
      for (const report of [swept, revoked])
        expect(JSON.parse(report)).toMatchObject({ stoppedBecause: 'failed', uncertain: true });
    });
  });
}
