import { describe, expect, it, test } from 'vitest';
import { maskPasswords } from '../../src/config/url-secrets.ts';
import {
  describeLocation,
  parseDatabaseUrl,
  parseServerOrDatabaseUrl,
} from '../../src/store/database/connect/database-url.ts';
import { tlsOptions } from '../../src/store/database/dialects/tls.ts';

const cwd = '/srv/app';
test.each([
  ['mysql://ada:secret@db', 'db:3306'],
  ['mysql://ada@[::1]:3307/', '[::1]:3307'],
  ['mysql://ada@/?socket=/run/mysqld.sock', '/run/mysqld.sock'],
  ['mysql://db/auth', 'db:3306/auth'],
])('the server of %s is %s', (url, place) => {
  expect(describeLocation(parseServerOrDatabaseUrl(url, cwd))).toBe(place);
});

test('a database has to be named', () => {
  expect(() => parseDatabaseUrl('mysql://ada:secret@db/', cwd)).toThrow('the database URL names no database');
});

const described = (url: string) => describeLocation(parseDatabaseUrl(url, cwd));

test.each([
  ['postgres://ada:secret@db.example.com/auth', 'db.example.com:5432/auth'],
  ['postgresql://ada@db:6432/auth', 'db:6432/auth'],
  ['mysql://ada:p%40ss@db/auth', 'db:3306/auth'],
  ['mariadb://ada@[2001:db8::1]:3307/auth', '[2001:db8::1]:3307/auth'],
  ['postgres:///auth', 'localhost:5432/auth'],
  ['postgres:///auth?host=/var/run/postgresql', '/var/run/postgresql/auth'],
  ['postgres://ada@/auth?host=/var/run/postgresql', '/var/run/postgresql/auth'],
  ['sqlite:auth.db', '/srv/app/auth.db'],
  ['sqlite:///data/auth.db', '/data/auth.db'],
  ['file:/data/auth.db?mode=ro', '/data/auth.db'],
  ['file:///data/auth.db', '/data/auth.db'],
  ['./auth.db', '/srv/app/auth.db'],
  ['/data/@scope/auth.db', '/data/@scope/auth.db'],
  ['postgres://ada@/auth?host=db&port=15432', 'db:15432/auth'],
  ['postgres://ada@db:5432/other?port=15432&dbname=auth', 'db:15432/auth'],
  ['postgres://ada@db/auth?hostaddr=10.0.0.7', '10.0.0.7:5432/auth'],
  ['postgres://ada@[2001:db8::1]/auth?hostaddr=2001:db8::7', '[2001:db8::7]:5432/auth'],
  ['postgres://ada@%2Fvar%2Frun%2Fpostgresql:5433/auth', '/var/run/postgresql:5433/auth'],
  ['postgres://ada:p@a,[::1]:5433,c:5434/auth', 'a:5432,[::1]:5433,c:5434/auth'],
  ['postgres:///auth?host=a,b&port=5433', 'a:5433,b:5433/auth'],
  ['postgres://ada@db/auth?pgbouncer=true&connection_limit=1&schema=app&supa=base-pooler.x', 'db:5432/auth'],
  ['mysql://ada@db/auth?charset=utf8mb4&connectionLimit=5&dateStrings=true', 'db:3306/auth'],
  ['file:./dev.db?connection_limit=1&socket_timeout=3', '/srv/app/dev.db'],
])('%s is %s', (url, location) => {
  expect(described(url)).toBe(location);
});

describe('user and password', () => {
  it.each([
    ['postgres://u:p%40%2Fss@db/x', 'u', 'p@/ss'],
    ['postgres://u:p%ss@db/x', 'u', 'p%ss'],
    ['postgres://u:50%off%40@db/x', 'u', '50%off@'],
    ['postgres://u:a^b|c{d}@db/x', 'u', 'a^b|c{d}'],
    ['postgres://u:@db/x', 'u', null],
    ['postgres://other:no@db/x?user=u&password=p', 'u', 'p'],
    ['mysql://u:p@s@db/x', 'u', 'p@s'],
  ])('%s', (url, user, password) => {
    expect(parseDatabaseUrl(url, cwd)).toMatchObject({ user, password });
  });
});

describe("libpq's variables", () => {
  const placeWith = (url: string, variables: Readonly<Record<string, string>>) =>
    describeLocation(parseDatabaseUrl(url, cwd, variables));
  const all = { PGHOST: 'there', PGPORT: '15432', PGDATABASE: 'other', PGUSER: 'eve', PGPASSWORD: 'secret' };

  it('give what the URL leaves open, and nothing else', () => {
    expect(placeWith('postgres:///', all)).toBe('there:15432/other');
    expect(placeWith('postgres://ada@db:5432/auth', all)).toBe('db:5432/auth');
    expect(parseDatabaseUrl('postgres://db/auth', cwd, all)).toMatchObject({
      user: 'eve',
      password: 'secret',
    });
    expect(placeWith('mysql://db/auth', all)).toBe('db:3306/auth');
  });

  it.each([
    { PGSERVICE: 'x' },
    { PGREQUIREAUTH: 'scram-sha-256' },
    { PGGSSENCMODE: 'require' },
    { PGCLIENTENCODING: 'LATIN1' },
    { PGSSLCRL: '/crl' },
    { PGLOADBALANCEHOSTS: 'random' },
    { PGHOSTADDR: '10.0.0.7' },
  ])('are refused by name where they cannot be heeded: %o', (variables) => {
    const [name = ''] = Object.keys(variables);
    const refusal = expect.objectContaining({
      exitCode: 3,
      message: expect.stringContaining(name) as string,
      hint: expect.stringContaining(name) as string,
    }) as Error;
    expect(() => placeWith('postgres://db/auth', variables)).toThrow(refusal);
  });

  it.each([
    { PGTZ: 'Asia/Kolkata' },
    { PGDATESTYLE: 'German' },
    { PGGSSENCMODE: 'prefer' },
    { PGSERVICE: '' },
  ])('that decide nothing here are no obstacle: %o', (variables) => {
    expect(placeWith('postgres://db/auth', variables)).toBe('db:5432/auth');
  });
});

describe('a parameter that cannot be heeded', () => {
  it.each([
    ['postgres://db/x?requirepeer=root', 'requirepeer'],
    ['postgres://db/x?search_path=auth', 'search_path'],
    ['postgres://db/x?gssencmode=require', 'gssencmode'],
    ['postgres://db/x?Port=5433', 'Port'],
    ['mysql://db/x?port=3307', 'port'],
    ['mysql://db/x?host=other', 'host'],
    ['mysql://db/x?charset=latin1', 'charset'],
    ['mysql://a,b/x', 'several hosts'],
    ['postgres://a,b/x?port=1,2,3', 'several hosts'],
    ['file:a.db?mode=memory', 'mode'],
    ['file:a.db?vfs=unix-none', 'vfs'],
    ['sqlite:a.db?authToken=SECRET', 'authToken'],
  ])('%s is refused by its name', (url, name) => {
    const refusal = expect.objectContaining({
      exitCode: 3,
      message: expect.stringContaining(name) as string,
      hint: expect.any(String) as string,
    }) as Error;
    expect(() => parseDatabaseUrl(url, cwd)).toThrow(refusal);
    expect(() => parseDatabaseUrl(url, cwd)).not.toThrow(/SECRET/);
  });
});

describe('a URL in which a password may stand anywhere', () => {
  it.each([
    'postgres://u:p@SECRETa/SECRETb#c@host/x',
    'postgres://u:SECRETa/SECRETb@host/x',
    'postgres://u:1234/SECRETb@host/x',
    'postgres://u:12?SECRETb@host/x',
    'postgres://u:SECRETa#b@host/x',
    'postgres:/u:SECRETa@host/x',
    ' postgres://u:SECRETa@host/x',
    '"postgres://u:SECRETa@host/x"',
    'DATABASE_URL=postgres://u:SECRETa@host/x',
    'postgresql//u:SECRETa@host/x',
    'sqlite:postgres://u:SECRETa@host/x',
    'u:SECRETa@host/x',
    'host=db dbname=x user=u password=SECRETa',
    'jdbc:postgresql://db/x?user=u&password=SECRETa',
  ])('is refused and never printed: %s', (url) => {
    expect(() => parseDatabaseUrl(url, cwd)).toThrow('the database URL cannot be read');
    expect(maskPasswords(url)).toBe('***');
  });

  it.each([
    ['postgres://u:SECRET@host/x', 'postgres://u:***@host/x'],
    ['postgres://u:SEC@RET@host/x', 'postgres://u:***@host/x'],
    ['postgres://u@host/x?password=SECRET', 'postgres://u@host/x?password=***'],
    ['redis://:SECRET@cache:6379/1', 'redis://:***@cache:6379/1'],
    ['redis://SECRET@cache', 'redis://***@cache'],
    ['libsql://db?authToken=SECRET&tls=1', 'libsql://db?authToken=***&tls=***'],
    ['prisma+postgres://x/?api_key=SECRET', 'prisma+postgres://x/?api_key=***'],
    [
      'postgres://u@a:1,b/x?sslmode=require&options=SECRET',
      'postgres://u@a:1,b/x?sslmode=require&options=***',
    ],
    ['file:a.db?encryptionKey=SECRET', 'file:a.db?encryptionKey=***'],
    ['sqlite:auth.db', 'sqlite:auth.db'],
  ])('where it cannot, only the password is hidden: %s', (url, shown) => {
    expect(maskPasswords(url)).toBe(shown);
  });
});

describe('TLS', () => {
  const tls = (query: string) => tlsOptions(null, new Map(new URLSearchParams(query)));

  it.each([
    ['', false],
    ['sslmode=disable', false],
    ['sslmode=prefer', false],
    ['ssl=false', false],
    ['sslmode=require', { rejectUnauthorized: false }],
    ['ssl-mode=REQUIRED', { rejectUnauthorized: false }],
    ['sslmode=verify-full', { rejectUnauthorized: true }],
    ['ssl-mode=VERIFY_IDENTITY', { rejectUnauthorized: true }],
    ['ssl=true', { rejectUnauthorized: true }],
    ['ssl={"rejectUnauthorized":false}', { rejectUnauthorized: false }],
    ['sslaccept=strict', { rejectUnauthorized: true }],
    ['sslaccept=accept_invalid_certs', { rejectUnauthorized: false }],
    ['sslmode=require&sslaccept=strict', { rejectUnauthorized: true }],
    ['sslmode=verify-full&sslrootcert=system', { rejectUnauthorized: true }],
    ['sslmode=require&uselibpqcompat=true', { rejectUnauthorized: false }],
    [
      'sslmode=require&ssl_min_protocol_version=TLSv1.3',
      { rejectUnauthorized: false, minVersion: 'TLSv1.3' },
    ],
    ['ssl={"rejectUnauthorized":true,"ca":"PEM"}', { rejectUnauthorized: true, ca: 'PEM' }],
  ])('%s', (query, options) => {
    expect(tls(query)).toEqual(options);
  });

  it('verify-ca trusts the issuer, whatever the host is called', () => {
    expect(tls('sslmode=verify-ca')).toEqual({
      rejectUnauthorized: true,
      checkServerIdentity: expect.any(Function) as unknown,
    });
  });

  it.each([
    'sslmode=requir',
    'sslmode=',
    'SSLMODE=require',
    'sslmod=require',
    'sslrootcert=/ca.pem',
    'ssl-mode=VERIFY_CAA',
    'tls=true',
    'useSSL=true',
    'ssl=yes',
    'sslaccept=none',
    'sslmode=disable&ssl=true',
    'ssl={"rejectUnauthorised":true}',
    'sslmode=require&sslrootcert=/no/such/ca.pem',
  ])('never ends in the clear by a slip: %s', (query) => {
    expect(() => tls(query)).toThrow(
      /the database URL (has the parameter|has ssl[\w-]*[=,]|both turns TLS on)/,
    );
  });

  const section = { ca: null, cert: null, key: null, rejectUnauthorized: true };
  it.each([
    ['sslmode=disable', section],
    ['sslmode=verify-full', { ...section, rejectUnauthorized: false }],
    ['sslmode=require&sslrootcert=/ca.pem', section],
  ])('that contradicts the section tls is refused: %s', (query, settings) => {
    const parameters = new Map(new URLSearchParams(query));
    expect(() => tlsOptions(settings, parameters)).toThrow('the two contradict each other');
    expect(() => tlsOptions(settings, parameters, new Map([['sslmode', 'PGSSLMODE']]))).toThrow(
      'PGSSLMODE says',
    );
  });
});
