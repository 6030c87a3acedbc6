import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { everySession, signIn, signUp } from '../support/app.ts';
import { recordedWay } from '../support/fake-server.ts';
import { servers } from '../support/faults.ts';
import { operatorOn } from '../support/operator.ts';
import { emptyDirectory, runSessionctl } from '../support/run-sessionctl.ts';
import { describeOn } from '../support/servers.ts';
import { deploy, plainShape } from '../support/shapes.ts';

const looks = (id: string): readonly (readonly string[])[] => [
  ['list', '--wide', '--state', 'all'],
  ['list', '--json'],
  ['list', '--user', 'ada@example.com', '--sort', 'ipAddress'],
  ['show', id],
  ['stats'],
  ['doctor'],
  ['schema', 'status'],
  ['revoke-all', '--everyone', '--dry-run'],
  ['sweep', '--dry-run'],
  ['limit', '--max', '1', '--dry-run'],
];
const changes: readonly (readonly string[])[] = [
  ['limit', '--max', '1', '--yes'],
  ['sweep'],
  ['revoke-all', '--everyone', '--yes'],
];

for (const dialect of servers) {
  describeOn(dialect, `between sessionctl and ${dialect}`, () => {
    it('no token leaves the server, and who only looks asks in read-only transactions', async () => {
      const { app, database } = await deploy(plainShape(dialect));
      try {
        const ada = await signUp(app, 'Ada', 'ada@example.com');
        for (const ip of ['192.0.2.1', '192.0.2.2', '192.0.2.3'])
          await signIn(app, ada, { ip, userAgent: 'Firefox' });
        const sessions = await everySession(app, [ada.id]);
        const way = await recordedWay(database.url);
        const operator = operatorOn(way.url, { timeZone: 'UTC' });
        const run = async (words: readonly string[]) => {
          const { code, stderr } = await operator.run(words);
          expect([0, 1], `${words.join(' ')}: ${stderr}`).toContain(code);
        };
        for (const words of looks(sessions[0]?.id ?? '')) await run(words);
        const begun = way.sent().match(/(?:BEGIN ISOLATION|START TRANSACTION)[ A-Z]*/g) ?? [];
        expect(begun.length).toBeGreaterThan(looks('').length);
        expect(begun.filter((statement) => !statement.endsWith('READ ONLY'))).toEqual([]);
        for (const words of changes) await run(words);
        expect(await everySession(app, [ada.id])).toEqual([]);
        // What was asked for did arrive.
        expect(way.received()).toContain('192.0.2.2');
        expect(sessions.filter(({ token }) => way.received().includes(token))).toEqual([]);
      } finally {
        await database.drop();
      }
    });
  });
}

describeOn('postgresql', 'the network', () => {
  it('leads to the database alone', async () => {
    const { database } = await deploy(plainShape('postgresql'));
    const file = join(emptyDirectory, 'destinations.txt');
    const hook = join(emptyDirectory, 'destinations.cjs');
    // Whatever opens a connection or asks for a name comes by here.
    writeFileSync(
      hook,
      `const { appendFileSync } = require('node:fs');
       const tell = (what) => appendFileSync(${JSON.stringify(file)}, what + '\\n');
       const { Socket } = require('node:net');
       const { connect } = Socket.prototype;
       Socket.prototype.connect = function (...given) {
         const [first, second] = given.flat();
         tell('connect ' + (typeof first === 'object' ? (first.path ?? first.port) : first + ' ' + second));
         return connect.apply(this, given);
       };
       const dns = require('node:dns');
       for (const name of ['lookup', 'resolve', 'resolve4', 'resolve6']) {
         const own = dns[name];
         dns[name] = (...given) => { tell('look up ' + given[0]); return own(...given); };
       }`,
    );
    const run = async (words: readonly string[], url: string | null) => {
      writeFileSync(file, '');
      await runSessionctl([...(url === null ? [] : ['--url', url]), ...words], {
        env: { NODE_OPTIONS: `--require ${hook}` },
      });
      return readFileSync(file, 'utf8')
        .split('\n')
        .filter((line) => line !== '');
    };
    try {
      const { port, hostname } = new URL(database.url);
      const own = [
        `connect ${port || '5432'} ${hostname}`,
        `connect ${port || '5432'}`,
        `look up ${hostname}`,
      ];
      for (const words of [
        ['list'],
        ['stats'],
        ['doctor'],
        ['revoke-all', '--everyone', '--yes'],
        ['sweep'],
      ]) {
        const places = await run(words, database.url);
        expect(places.length, words.join(' ')).toBeGreaterThan(0);
        expect(
          places.filter((place) => !own.includes(place)),
          words.join(' '),
        ).toEqual([]);
      }
      for (const words of [
        ['--version'],
        ['help'],
        ['config', 'show'],
        ['history'],
        ['completion', 'bash'],
        ['demo'],
      ])
        expect(await run(words, null), words.join(' ')).toEqual([]);
    } finally {
      await database.drop();
    }
  });
});
