import { BlockList } from 'node:net';
import ipaddr from 'ipaddr.js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { baseUrl, signIn, signUp, type Person } from '../support/app.ts';
import { literal } from '../support/databases.ts';
import { operatorOn, type Operator } from '../support/operator.ts';
import { deploySecondary, whichAnswer, type SecondaryDeployment } from '../support/secondary.ts';
import { describeOn, describeOnRedis, type Dialect } from '../support/servers.ts';
import { deploy, ownShape, type Deployment } from '../support/shapes.ts';

/** A text in the address column, and the one address that it means: `null` for none, `unclear` where it cannot be known. */
type Stored = readonly [stored: string, address: string | null];

const unclear = 'unclear';
const secret = 'a secret of forty characters for the tests';

/** A network is matched by its first address where that is asked about, and by nothing else. */
const networks: readonly Stored[] = [
  ['203.0.113.7/24', '203.0.113.7'],
  ['2001:db8:1:2::/64', '2001:db8:1:2::'],
];

const stored: readonly Stored[] = [
  ...networks,
  ['203.0.113.7', '203.0.113.7'],
  ['203.0.113.7:61598', '203.0.113.7'],
  [' 203.0.113.7', '203.0.113.7'],
  ['203.0.113.7 ', '203.0.113.7'],
  ['203.0.113.7, 10.0.0.1', '203.0.113.7'],
  ['203.0.113.7:80,10.0.0.1:81', '203.0.113.7'],
  ['203.0.113.7/32', '203.0.113.7'],
  ['"203.0.113.7"', '203.0.113.7'],
  ['for=203.0.113.7', '203.0.113.7'],
  ['for=203.0.113.7;proto=https', '203.0.113.7'],
  ['For="203.0.113.7:4711";by=10.0.0.1', '203.0.113.7'],
  ['proto=https; for=203.0.113.7', '203.0.113.7'],
  ['for=203.0.113.7, for=10.0.0.1', '203.0.113.7'],
  ['[203.0.113.7]:80', '203.0.113.7'],
  ['::ffff:203.0.113.7', '203.0.113.7'],
  ['[::ffff:203.0.113.7]:80', '203.0.113.7'],
  ['::FFFF:CB00:7107', '203.0.113.7'],
  ['0000:0000:0000:0000:0000:ffff:cb00:7107', '203.0.113.7'],
  ['10.0.0.1', '10.0.0.1'],
  ['10.0.0.1:443', '10.0.0.1'],
  ['1.203.0.113', '1.203.0.113'],
  ['2001:db8:1:2::9', '2001:db8:1:2::9'],
  ['2001:DB8:1:2::9', '2001:db8:1:2::9'],
  ['2001:0db8:0001:0002:0000:0000:0000:0009', '2001:db8:1:2::9'],
  ['[2001:db8:1:2::9]', '2001:db8:1:2::9'],
  ['[2001:db8:1:2::9]:64909', '2001:db8:1:2::9'],
  ['for="[2001:db8:1:2::9]:80"', '2001:db8:1:2::9'],
  ['2001:db8:1:2::9/128', '2001:db8:1:2::9'],
  ['2001:db8:1:2::9, 10.0.0.1', '2001:db8:1:2::9'],
  ['fe80::1%eth0', 'fe80::1'],
  ['[fe80::1%25en0]:80', 'fe80::1'],
  ['::1', '::1'],
  ['', null],
  ['  ', null],
  ['unknown', unclear],
  ['for=unknown;proto=https', unclear],
  ['for=_hidden', unclear],
  ['999.1.1.1', unclear],
  ['203.0.113', unclear],
  ['203.0.113.7.1', unclear],
  ['203.0.113.7x', unclear],
  ['203.0.113.7:port', unclear],
  ['203.0.113.7/33', unclear],
  ['010.0.0.1', unclear],
  ['::ffff:010.0.0.1', unclear],
  ['2001:db8:::1', unclear],
  ['2001:db8::1::2', unclear],
  ['1:2:3:4:5:6:7:8:9', unclear],
  ['2001:db8::12345', unclear],
  ['[2001:db8::1', unclear],
  ['host.example.com', unclear],
  ["'; DROP TABLE session; --", unclear],
  ['unknown, 203.0.113.7', unclear],
  ['\\', unclear],
];

/** Options of a selection, with the networks that they mean. */
const questions: readonly (readonly [
  words: readonly string[],
  ips: readonly string[],
  except: readonly string[],
])[] = [
  [['--ip', '203.0.113.7'], ['203.0.113.7/32'], []],
  [['--ip', '203.0.113.0/24'], ['203.0.113.0/24'], []],
  [['--ip', '0.0.0.0/0'], ['0.0.0.0/0'], []],
  [['--ip', '2001:db8:1:2::9'], ['2001:db8:1:2::/64'], []],
  [['--ip', '2001:db8::/32'], ['2001:db8::/32'], []],
  [['--ip', '::/0'], ['::/0'], []],
  [['--ip', '203.0.113.0/24', '--ip', '10.0.0.0/8', '--ip', 'fe80::/10'], ['203.0.113.0/24', '10.0.0.0/8', 'fe80::/10'], []],
  [['--except-ip', '203.0.113.0/24'], [], ['203.0.113.0/24']],
  [['--except-ip', '10.0.0.0/8', '--except-ip', '2001:db8::/32'], [], ['10.0.0.0/8', '2001:db8::/32']],
  [['--ip', '203.0.113.0/24', '--except-ip', '203.0.113.9'], ['203.0.113.0/24'], ['203.0.113.9/32']],
  // Many are bound in another way than few.
  [
    [...Array.from({ length: 300 }, (_, at) => ['--ip', `198.51.${String(at % 250)}.${String(at % 7)}`]).flat(), '--ip', '203.0.113.0/30', '--ip', '203.0.113.7', '--ip', '2001:db8:1::/48'],
    ['203.0.113.0/30', '203.0.113.7/32', '2001:db8:1::/48'],
    [],
  ],
]; // prettier-ignore

/** Node's own judgement. IPv4 lies in no network of IPv6. */
function lies(address: string, within: readonly string[]): boolean {
  const family = (text: string) => (text.includes(':') ? 'ipv6' : 'ipv4');
  return within.some((network) => {
    const [base = '', prefix] = network.split('/');
    const list = new BlockList();
    list.addSubnet(base, Number(prefix), family(base));
    return family(base) === family(address) && list.check(address, family(address));
  });
}

/** Places in the list: what is selected, and what is left alone since it cannot be read. */
function expected(rows: readonly Stored[], ips: readonly string[], except: readonly string[]) {
  const isNetwork = (row: Stored) => networks.some(([text]) => text === row[0]);
  const all = rows.map((row, at) => {
    const [, address] = row;
    const meant = ips.length === 0 || (address !== null && address !== unclear && lies(address, ips));
    const isUnclear = address === unclear || isNetwork(row);
    const kept =
      except.length > 0 && (isUnclear || (address !== null && address !== unclear && lies(address, except)));
    return { id: idOf(at), chosen: meant && !kept, left: isUnclear && (except.length > 0 || !meant) };
  });
  return {
    ids: all.filter(({ chosen }) => chosen).map(({ id }) => id),
    left: all.filter(({ left }) => left).length,
  };
}

const idOf = (at: number) => `session-${String(at).padStart(3, '0')}`;

async function asksAll(operator: Operator, rows: readonly Stored[]): Promise<void> {
  const wrong: unknown[] = [];
  for (const [words, ips, except] of questions) {
    const { code, stdout, stderr } = await operator.run(['list', ...words, '--state', 'all', '-o', 'ids']);
    const { ids, left } = expected(rows, ips, except);
    const found = stdout.split('\n').filter((id) => id !== '');
    const told = Number(/^note: (\d+) sessions? ha(?:s|ve) an address/m.exec(stderr)?.[1] ?? 0);
    const texts = (some: readonly string[]) => some.map((id) => rows[Number(id.slice(8))]?.[0]);
    const missing = texts(ids.filter((id) => !found.includes(id)));
    const surplus = texts(found.filter((id) => !ids.includes(id)));
    if (code !== 0 || missing.length + surplus.length > 0 || told !== left)
      wrong.push({ words: words.slice(-6), code, missing, surplus, told, left, stderr });
  }
  expect(wrong).toEqual([]);
}

/** How many sessions come from each network. */
function networksOf(rows: readonly Stored[]): Readonly<Record<string, number>> {
  const found: Record<string, number> = {};
  for (const [, address] of rows) {
    if (address === null || address === unclear) continue;
    const network = address.includes(':')
      ? `${ipaddr.IPv6.networkAddressFromCIDR(`${address}/48`).toString()}/48`
      : address.replace(/\d+$/, '0/24');
    found[network] = (found[network] ?? 0) + 1;
  }
  return found;
}

async function countsNetworks(operator: Operator, rows: readonly Stored[]): Promise<void> {
  const { code, stdout } = await operator.run(['stats', '--json']);
  expect(code).toBe(0);
  const report = JSON.parse(stdout) as {
    readonly networks: { readonly top: readonly { network: string; sessions: number }[] };
  };
  expect(report).toMatchObject({ sessions: rows.length });
  expect(Object.fromEntries(report.networks.top.map(({ network, sessions }) => [network, sessions]))).toEqual(
    networksOf(rows),
  );
}

async function plant({ database, shape }: Deployment, ada: Person, rows: readonly Stored[]): Promise<void> {
  const text = (value: string) => literal(shape.dialect, value);
  const later = shape.encode(new Date(Date.now() + 86_400_000));
  const now = shape.encode(new Date());
  const columns = ['id', 'token', 'userId', 'expiresAt', 'createdAt', 'updatedAt', 'ipAddress'];
  const values = rows.map(
    ([address], at) =>
      `(${text(idOf(at))}, ${text(`token-${String(at)}`)}, ${text(ada.id)}, ${later}, ${now}, ${now}, ${text(address)})`,
  );
  await database.query(
    `INSERT INTO ${shape.table('session')} (${columns.map(shape.column).join(', ')}) VALUES ${values.join(', ')}`,
  );
}

/** Too long for a column that is limited. At most 1,000 bytes are read: patterns would take minutes for some longer ones. */
const long: readonly Stored[] = [
  ['203.0.113.7,'.padEnd(1000, 'x'), '203.0.113.7'],
  ['203.0.113.7,'.padEnd(1001, 'x'), unclear],
  [`203.0.113.7,${'é'.repeat(494)}`, '203.0.113.7'],
  [`203.0.113.7,${'é'.repeat(495)}`, unclear],
  ['1:'.repeat(500), unclear],
  ['a;'.repeat(500), unclear],
  ['1:'.repeat(30_000), unclear],
  ['a;'.repeat(30_000), unclear],
  [' '.repeat(60_000), unclear],
];

/** What a column of addresses can hold. */
const typed: readonly Stored[] = [
  ['203.0.113.7', '203.0.113.7'],
  ['203.0.113.9', '203.0.113.9'],
  ['10.0.0.1', '10.0.0.1'],
  ['2001:db8:1:2::9', '2001:db8:1:2::9'],
  ['2001:db8:1:2::', '2001:db8:1:2::'],
  ['::ffff:203.0.113.7', '203.0.113.7'],
];
const ofIpv4 = typed.filter(([text]) => !text.includes(':'));

const columnTypes: readonly (readonly [Dialect, type: string, rows: readonly Stored[]])[] = [
  ['postgresql', 'text', [...stored, ...long]],
  ['postgresql', 'varchar(255)', stored],
  ['postgresql', 'citext', [...stored, ...long]],
  ['postgresql', 'inet', [...networks, ...typed]],
  ['postgresql', 'cidr', [networks[1] ?? ['', null], ...typed]],
  ['mysql', 'varchar(255)', stored],
  ['mysql', 'text', [...stored, ...long]],
  ['mysql', 'inet6', typed.filter(([text]) => text.includes(':'))],
  ['mysql', 'inet4', ofIpv4],
  ['sqlite', 'text', [...stored, ...long]],
];

describe.each(columnTypes)('addresses on %s in a column of %s', (dialect, type, rows) => {
  describeOn(dialect, 'mean the same everywhere', () => {
    let deployment: Deployment;
    let operator: Operator;

    beforeAll(async () => {
      deployment = await deploy(ownShape(dialect, 'own adapter'));
      const { app, database, shape } = deployment;
      const ada = await signUp(app, 'Ada', 'ada@example.com');
      const column = shape.column('ipAddress');
      if (type === 'citext') await database.query('CREATE EXTENSION citext');
      if (dialect === 'postgresql')
        await database.query(
          `ALTER TABLE ${shape.table('session')} ALTER COLUMN ${column} TYPE ${type} USING ${column}::${type}`,
        );
      if (dialect === 'mysql')
        await database
          .query(`ALTER TABLE ${shape.table('session')} MODIFY ${column} ${type}`)
          // MySQL has no types for addresses, MariaDB has inet4 since 10.10: there the column stays as it is.
          .catch((error: unknown) => {
            if (!/ER_PARSE_ERROR|ER_UNKNOWN_DATA_TYPE/.test(String((error as { code?: string }).code)))
              throw error;
          });
      await plant(deployment, ada, rows);
      operator = operatorOn(database.url, { timeZone: 'UTC', auth: { secret, baseUrl } });
    });
    afterAll(() => deployment.database.drop());

    test('in lists', () => asksAll(operator, rows));

    test('in figures, in a list by address, and for one session', async () => {
      await countsNetworks(operator, rows);
      expect((await operator.run(['list', '--sort', 'ipAddress'])).code).toBe(0);
      expect((await operator.run(['show', idOf(0)])).code).toBe(0);
    });

    test('for a session that is made, and for revocations', async () => {
      const made = ['create', '--user', 'ada@example.com', '--reason', 'a test', '--yes', '--json'];
      expect(await operator.run(made)).toMatchObject({ code: 0 });
      const rest = (words: readonly string[]) => operator.run(['revoke-all', ...words, '--json', '--yes']);
      const ended = expected(rows, ['203.0.113.0/24'], []);
      const first = await rest(['--ip', '203.0.113.0/24']);
      expect(JSON.parse(first.stdout)).toMatchObject({
        matched: ended.ids.length, revoked: ended.ids.length, remaining: 0, unreadableAddresses: ended.left,
      }); // prettier-ignore
      expect(first.code).toBe(ended.left > 0 ? 6 : 0);
      const left = rows.filter((_, at) => !ended.ids.includes(idOf(at)));
      const spared = left.filter(([, address]) => address === '10.0.0.1' || address === unclear);
      const second = await rest(['--everyone', '--except-ip', '10.0.0.0/8']);
      expect(second.code).toBe(ended.left > 0 ? 6 : 0);
      const { stdout } = await operator.run(['list', '--state', 'all', '--json']);
      const stay = (JSON.parse(stdout) as readonly { readonly ipAddress: string }[]).map(
        ({ ipAddress }) => ipAddress,
      );
      for (const [address] of spared) expect(stay.join('\n')).toContain(address);
    });
  });
});

describeOnRedis('addresses in Redis', () => {
  let deployment: SecondaryDeployment;

  beforeAll(async () => {
    deployment = await deploySecondary({ dialect: 'sqlite', mode: 'secondary only', storage: 'official' });
    const ada = await signUp(deployment.app, 'Ada', 'ada@example.com');
    const time = {
      createdAt: new Date(),
      updatedAt: new Date(),
      expiresAt: new Date(Date.now() + 86_400_000),
    };
    for (const [at, [ipAddress]] of [...stored, ...long].entries()) {
      const token = `token-${String(at)}`;
      const session = { id: idOf(at), token, userId: ada.id, ...time, ipAddress, userAgent: 'a test' };
      await deployment.space.set(token, JSON.stringify({ session, user: ada }), 86_400);
    }
  });
  afterAll(() => deployment.drop());

  test('mean the same as in a database', () =>
    asksAll(operatorOn(deployment.database.url, deployment.profile), [...stored, ...long]));

  test('count by network as in a database', () =>
    countsNetworks(operatorOn(deployment.database.url, deployment.profile), [...stored, ...long]));
});

describe('a revocation that finds nothing but addresses that cannot be read', () => {
  let deployment: Deployment;
  afterAll(() => deployment.database.drop());

  test('says so, ends nobody and ends with 6; a dry run ends with 0', async () => {
    deployment = await deploy(ownShape('sqlite', 'own adapter'));
    const ada = await signUp(deployment.app, 'Ada', 'ada@example.com');
    const signedIn = await signIn(deployment.app, ada, { ip: '203.0.113.7', userAgent: 'one' });
    await deployment.database.query(`UPDATE session SET ipAddress = 'unknown'`);
    const operator = operatorOn(deployment.database.url);
    const dry = await operator.run(['revoke-all', '--ip', '203.0.113.7', '--dry-run']);
    expect(dry).toMatchObject({ code: 0 });
    expect(dry.stdout).toContain('1 session has an address that cannot be read: no --ip matches it.');
    const run = await operator.run(['revoke-all', '--ip', '203.0.113.7', '--yes']);
    expect(run).toMatchObject({ code: 6, stdout: '' });
    expect(run.stderr).toContain(
      '1 session has an address that cannot be read: no --ip matches it, and it may be meant',
    );
    const kept = await operator.run(['revoke-all', '--everyone', '--except-ip', '10.0.0.1', '--yes']);
    expect(kept).toMatchObject({ code: 6 });
    expect(kept.stderr).toContain('--except-ip keeps it');
    expect(await whichAnswer(deployment.app, [signedIn])).toHaveLength(1);
  });
});
