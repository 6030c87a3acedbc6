import { spawn } from 'node:child_process';
import { generateKeyPairSync, privateDecrypt } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import * as mysql from '../support/fake-mysql.ts';
import * as postgres from '../support/fake-postgres.ts';
import { silentOnceSent } from '../support/fake-server.ts';
import { bareEnvironment, binaryPath, emptyDirectory, runSessionctl } from '../support/run-sessionctl.ts';
import { describeOn } from '../support/servers.ts';
import { deploy, plainShape } from '../support/shapes.ts';

const PASSWORD = 'a-secret-password';
const long = `${'x y-z '.repeat(60_000)}the-token`;

const config = join(emptyDirectory, 'impatient.toml');
writeFileSync(
  config,
  '[profiles.a]\nurl = "${DATABASE_URL}"\nconnect_timeout = "1s"\nstatement_timeout = "1s"\n',
);

/** By itself, such a run waits for hours. */
const patient = join(emptyDirectory, 'patient.toml');
writeFileSync(
  patient,
  '[profiles.a]\nurl = "${DATABASE_URL}"\nconnect_timeout = "2h"\nstatement_timeout = "2h"\n',
);

/** Expects a few words, exit 4, and neither a secret nor a stack. A run that does not end fails by the test's own limit. */
async function refused(url: string, message: RegExp, words: readonly string[] = ['list', '--verbose']) {
  const { code, stdout, stderr } = await runSessionctl(['--config', config, ...words], {
    env: { DATABASE_URL: url },
  });
  const [error = ''] = stderr.split('\n').filter((line) => line.startsWith('error:'));
  expect({ code, stdout, error }).toEqual({
    code: 4,
    stdout: '',
    error: expect.stringMatching(message) as string,
  });
  expect(stderr.length).toBeLessThan(10_000);
  expect(stderr).not.toMatch(/unexpected|defect|the-token|root:|TypeError/);
  expect(stderr).not.toContain(PASSWORD);
}

/** @param host 0.0.0.0 leads to this machine, and is no name for it */
const urlOf = (scheme: string, port: number, host = '127.0.0.1') =>
  `${scheme}://ada:${PASSWORD}@${host}:${String(port)}/app`;

const NO_CONNECTION = /cannot reach .*: no answer within the connect timeout/;
const NO_ANSWER = /cannot reach .*: the server did not answer a statement/;

it.each<readonly [string, postgres.PostgresBehaviour, RegExp]>([
  ['is silent from the start', { greeting: undefined }, NO_CONNECTION],
  ['is silent after the greeting', { answer: () => undefined }, NO_ANSWER],
  ['is silent once its version is known', {}, NO_ANSWER],
  ['has an odd version', { answer: () => postgres.oneRow('version', 'Postgre __proto__') }, /does not keep/],
  ['answers with nothing', { answer: () => postgres.READY }, /refused \(code none\)/],
  ['answers with another column', { answer: () => postgres.oneRow('__proto__', 'x') }, /does not keep/],
  ['fails at length', { answer: () => postgres.errorOf('XX000', long) }, /refused \(code XX000\)$/],
  [
    'fails at length, with a known code',
    { answer: () => postgres.errorOf('42501', long) },
    /refuses: code 42501$/,
  ],
  ['lets nobody in, at length', { greeting: postgres.errorOf('28000', long) }, /cannot use .*: code 28000$/],
  [
    'has a row of 100 MB',
    { answer: () => postgres.oneRow('x', Buffer.alloc(100_000_000, 'x')) },
    /does not keep/,
  ],
  ['is no such server', { greeting: Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n') }, NO_CONNECTION],
])('a PostgreSQL that %s', async (_, behaviour, message) => {
  const { port } = await postgres.fakePostgres(behaviour);
  await refused(urlOf('postgres', port), message);
});

it('a PostgreSQL on another host gets no password in the clear', async () => {
  const fake = await postgres.fakePostgres({ greeting: postgres.cleartextPasswordRequest });
  await refused(urlOf('postgres', fake.port, '0.0.0.0'), /the server asks for the password in the clear/);
  expect(fake.passwords).toEqual([]);
});

it.each([
  ['', /^warning: the connection to 0\.0\.0\.0 may be unencrypted: .*sslmode=verify-full/],
  ['?sslmode=disable', /^error/],
  ['?sslmode=verify-full', /^error/],
])(
  'a connection in the clear to another host is warned about, unless it is asked for: %s',
  async (ask, first) => {
    const { port } = await postgres.fakePostgres({ greeting: postgres.errorOf('28000', 'no') });
    const env = { DATABASE_URL: `${urlOf('postgres', port, '0.0.0.0')}${ask}` };
    expect((await runSessionctl(['--config', config, 'list'], { env })).stderr).toMatch(first);
    const local = { DATABASE_URL: urlOf('postgres', port) };
    expect((await runSessionctl(['--config', config, 'list'], { env: local })).stderr).toMatch(/^error/);
  },
);

it('a server that need not prove itself is warned about', async () => {
  const { port } = await postgres.fakePostgres();
  const lax = join(emptyDirectory, 'lax.toml');
  writeFileSync(
    lax,
    '[profiles.a]\nurl = "${DATABASE_URL}"\n[profiles.a.tls]\nreject_unauthorized = false\n',
  );
  const env = { DATABASE_URL: urlOf('postgres', port, '0.0.0.0') };
  const { stderr } = await runSessionctl(['--config', lax, 'list'], { env });
  expect(stderr).toMatch(
    /^warning: tls\.reject_unauthorized is false: 0\.0\.0\.0 is not verified to be the server/,
  );
});

const onQuery = (answer: mysql.Packets): mysql.MysqlBehaviour => ({ answer: () => answer });
const onLogin = (...answers: readonly mysql.Packets[]): mysql.MysqlBehaviour => ({
  login: (_packet, count) => answers[count] ?? [mysql.okPacket],
});
const asWork = (answer: mysql.Packets): mysql.MysqlBehaviour => ({
  answer: (sql) => (/^(?:SET|START)/.test(sql) ? [mysql.okPacket] : answer),
});

it.each<readonly [string, mysql.MysqlBehaviour, RegExp]>([
  ['is silent from the start', { version: null }, NO_CONNECTION],
  ['is silent where one logs in', { login: () => [] }, NO_CONNECTION],
  ['is silent after the greeting', onQuery([]), NO_CONNECTION],
  ['is silent in mid-work', asWork([]), NO_CONNECTION],
  ['has an odd version', { version: 'x'.repeat(5000) }, /does not keep/],
  ['answers with another column', asWork(mysql.rowsOf(['__proto__'], [['x']])), /cannot use/],
  ['fails at length', onQuery([mysql.errorPacket(29_999, long)]), /refused \(code 29999\)$/],
  ['fails at length, with a known code', onQuery([mysql.errorPacket(1142, long)]), /refuses: code ER_TABLEACCESS_DENIED_ERROR, 1142$/],
  ['lets nobody in, at length', onLogin([mysql.errorPacket(1045, long)]), /cannot use .*: code ER_ACCESS_DENIED_ERROR, 1045$/],
  ['has a row of 100 MB', asWork(mysql.rowsOf(['x'], [[Buffer.alloc(100_000_000, 'x')]])), /cannot reach|does not keep/],
  ['is no such server', onLogin([Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n')]), /does not answer like a MySQL server/],
  ['wants a way to authenticate that there is not', onLogin([mysql.switchTo('__proto__')]), /does not answer like a MySQL server/],
])('a MySQL that %s', async (_, behaviour, message) => {
  const { port } = await mysql.fakeMysql(behaviour);
  await refused(urlOf('mysql', port), message);
}); // prettier-ignore

it('a MySQL that asks for a file gets none', async () => {
  const fake = await mysql.fakeMysql(onQuery([mysql.fileRequest('/etc/passwd')]));
  await refused(urlOf('mysql', fake.port), /cannot reach|cannot use/);
  const sent = Buffer.concat(fake.packets);
  expect(sent.includes('root:')).toBe(false);
  // What the client says it can do, of which 0x80 is to send files.
  expect((fake.packets[0]?.readUInt32LE(0) ?? 0) & 0x80).toBe(0);
});

it('a MySQL on another host gets no password in the clear', async () => {
  const fake = await mysql.fakeMysql(onLogin([mysql.switchTo('mysql_clear_password')]));
  await refused(urlOf('mysql', fake.port, '0.0.0.0'), /asks for the password in the clear/);
  expect(Buffer.concat(fake.packets).includes(PASSWORD)).toBe(false);
});

describe('a MySQL on another host that sends a key of its own', () => {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const key = mysql.moreData(publicKey.export({ type: 'spki', format: 'pem' }).toString());
  /** What the owner of the key learns. Passwords are mixed with what the server sent first. */
  const learnt = (fake: mysql.FakeMysql) =>
    fake.packets
      .filter(({ length }) => length === 256)
      .map((packet) =>
        privateDecrypt(privateKey, packet)
          .map((byte, at) => byte ^ (mysql.SCRAMBLE.at(at % mysql.SCRAMBLE.length) ?? 0))
          .toString()
          .replace(/\0$/, ''),
      );

  it.each([
    ['caching_sha2_password', onLogin([mysql.switchTo('caching_sha2_password')], [mysql.moreData(4)], [key])],
    ['sha256_password', onLogin([mysql.switchTo('sha256_password')], [key])],
  ] as const)('gets no password under it, by %s, unless the URL allows that', async (_, behaviour) => {
    const fake = await mysql.fakeMysql(behaviour);
    await refused(urlOf('mysql', fake.port, '0.0.0.0'), /encrypted with a key that it sends in the clear/);
    expect(learnt(fake)).toEqual([]);

    const trusted = await mysql.fakeMysql(behaviour);
    const url = `${urlOf('mysql', trusted.port, '0.0.0.0')}?allowPublicKeyRetrieval=true`;
    await runSessionctl(['--config', config, 'list'], { env: { DATABASE_URL: url } });
    expect(learnt(trusted)).toEqual([PASSWORD]);
  });
});

for (const dialect of ['postgresql', 'mysql'] as const) {
  describeOn(dialect, `a real server on ${dialect} that falls silent`, () => {
    it.each([
      ['a list', ['list'], /information_schema|pg_class/i],
      ['a revocation', ['revoke-all', '--everyone', '--yes'], /DELETE/i],
    ])('ends %s', async (_, words, matches) => {
      const { database } = await deploy(plainShape(dialect));
      try {
        const { url } = await silentOnceSent(database.url, (sent) => matches.test(sent));
        await refused(url, /cannot reach/, words);
      } finally {
        await database.drop();
      }
    });
  });
}

it.each([
  ['from the start', { greeting: undefined }],
  ['after the greeting', { answer: () => undefined }],
])('one SIGTERM ends what waits for a server that is silent %s', async (_, behaviour) => {
  let asked: () => void = () => undefined;
  const waits = new Promise<void>((resolve) => {
    asked = resolve;
  });
  const fake = await postgres.fakePostgres({
    ...behaviour,
    onTalk: () => {
      asked();
    },
  });
  const child = spawn(process.execPath, [binaryPath, '--config', patient, 'list'], {
    cwd: emptyDirectory,
    env: { ...bareEnvironment, DATABASE_URL: urlOf('postgres', fake.port) },
    stdio: 'ignore',
  });
  const ended = new Promise((resolve) => child.on('exit', resolve));
  await waits;
  child.kill('SIGTERM');
  expect(await ended).toBe(130);
});
