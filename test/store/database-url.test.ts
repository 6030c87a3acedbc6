import { describe, expect, it, test } from 'vitest';
import { maskPasswords } from '../../src/config/url-secrets.ts';
import {
  describeLocation,
  parseDatabaseUrl,
  parseServerOrDatabaseUrl,
} from '../../src/store/database/database-url.ts';
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
])('%s is %s', (url, location) => {
  expect(described(url)).toBe(location);
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
  ])('is refused and never printed: %s', (url) => {
    expect(() => parseDatabaseUrl(url, cwd)).toThrow('the database URL cannot be read');
    expect(maskPasswords(url)).toBe('***');
  });

  it.each([
    ['postgres://u:SECRET@host/x', 'postgres://u:***@host/x'],
    ['postgres://u:SEC@RET@host/x', 'postgres://u:***@host/x'],
    ['postgres://u@host/x?password=SECRET', 'postgres://u@host/x?password=***'],
    ['redis://:SECRET@cache:6379/1', 'redis://:***@cache:6379/1'],
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
  ])('never ends in the clear by a slip: %s', (query) => {
    expect(() => tls(query)).toThrow(/the database URL (has the parameter|says)/);
  });
});
