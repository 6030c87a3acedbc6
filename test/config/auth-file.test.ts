import { describe, expect, it } from 'vitest';
import type { AuthReading } from '../../src/config/auth-file/auth-reading.ts';
import { findAuthFiles } from '../../src/config/auth-file/find-auth-file.ts';
import { readAuthFile } from '../../src/config/auth-file/read-auth-file.ts';
import { temporaryDirectory } from './temporary-directory.ts';

const IMPORT = `import { betterAuth } from 'better-auth';\n`;

/** What is read of a file with this text. */
async function read(text: string, name = 'auth.ts'): Promise<AuthReading> {
  return readAuthFile(temporaryDirectory().write(name, text));
}

const settingsOf = ({ settings }: AuthReading) =>
  Object.fromEntries(settings.map(({ key, value }) => [key, value]));
const unreadOf = ({ unread }: AuthReading) =>
  unread.map(({ option, line, why }) => `${String(line)} ${option} ${why}`);
const urlOf = ({ database }: AuthReading) => {
  if (database === null) return null;
  switch (database.kind) {
    case 'reference':
      return database.text;
    case 'path':
      return `file ${database.path}`;
    case 'literal':
      return 'literal';
    default:
      return `unread: ${database.why}`;
  }
};

describe('options that are written out', () => {
  it('reads an application on pg with all that counts for sessions', async () => {
    const reading = await read(`import { betterAuth, type BetterAuthOptions } from "better-auth";
import { admin, multiSession } from "better-auth/plugins";
import { Pool } from "pg";

const DAY = 60 * 60 * 24;
const cookiePrefix = \`shop\` as const;

const options = {
  baseURL: "https://shop.example",
  secret: process.env.BETTER_AUTH_SECRET!,
  database: new Pool({ connectionString: process.env.DATABASE_URL, max: 10 }),
  session: {
    modelName: "auth_sessions",
    fields: { userId: "account_holder", expiresAt: "valid_until" },
    expiresIn: DAY * 14,
    updateAge: DAY / 2,
    freshAge: 0,
    cookieCache: { enabled: true, maxAge: 5 * 60, version: "2" },
    storeSessionInDatabase: true,
    preserveSessionInDatabase: !true,
  },
  user: { modelName: "members", fields: { email: "mail" } },
  advanced: { cookiePrefix, useSecureCookies: true, ipAddress: { ipv6Subnet: 48 } },
  plugins: [admin(), multiSession({ maximumSessions: 3 }), jwt({ jwt: { expirationTime: '1h' } })],
} satisfies BetterAuthOptions;

export const auth = betterAuth(options);
export default auth;
`);
    expect(urlOf(reading)).toBe('${DATABASE_URL}');
    expect(reading.secondary).toBe(null);
    expect(settingsOf(reading)).toEqual({
      'session.expires_in': '14d',
      'session.update_age': '12h',
      'session.fresh_age': '0s',
      'session.cookie_cache.max_age': '5m',
      'session.cookie_cache.enabled': true,
      'session.cookie_cache.version': '2',
      'session.store_in_database': true,
      'session.preserve_in_database': false,
      'ip.ipv6_subnet': 48,
      'auth.cookie_prefix': 'shop',
      'auth.jwt_expires_in': '1h',
      'auth.secret': '${BETTER_AUTH_SECRET}',
      'auth.base_url': 'https://shop.example',
      'schema.table': 'auth_sessions',
      'schema.user_table': 'members',
      'schema.columns.userId': 'account_holder',
      'schema.columns.expiresAt': 'valid_until',
      'schema.user_columns.email': 'mail',
    });
    expect(reading.settings.find(({ key }) => key === 'session.expires_in')).toMatchObject({
      option: 'session.expiresIn',
      line: 15,
    });
    expect(unreadOf(reading)).toEqual([
      '24 multiSession.maximumSessions is 3 in one browser; set maximum_sessions = 3 only where a user may have no more in all',
    ]);
  });

  it.each([
    [
      'pg',
      `import pg from 'pg';\nconst { Pool } = pg;`,
      'new Pool({ connectionString: process.env["PG_URL"] })',
      '${PG_URL}',
    ],
    [
      'pg as one',
      `import * as pg from 'pg';`,
      'new pg.Pool({ connectionString: Bun.env.PG_URL as string })',
      '${PG_URL}',
    ],
    [
      'pg, part by part',
      `import { Pool } from 'pg';`,
      `new Pool({ host: 'db', port: 5433, user: process.env.U, password: process.env.P, database: 'app' })`,
      'postgres://${U}:${P}@db:5433/app',
    ],
    [
      'required',
      `const { Pool } = require('pg');`,
      'new Pool({ connectionString: process.env.PG_URL })',
      '${PG_URL}',
    ],
    [
      'mysql2',
      `import { createPool } from 'mysql2/promise';`,
      'createPool(process.env.MYSQL_URL ?? "mysql://localhost/dev")',
      '${MYSQL_URL}',
    ],
    [
      'mysql2 with a text of parts',
      `import mysql from 'mysql2';`,
      'mysql.createPool({ uri: `mysql://${process.env.U}@db/${process.env.NAME}` })',
      'mysql://${U}@db/${NAME}',
    ],
    [
      'better-sqlite3',
      `import Database from 'better-sqlite3';\nconst FILE = './data/' + 'auth.db';`,
      'new Database(FILE)',
      'file ./data/auth.db',
    ],
    [
      'node:sqlite',
      `import { DatabaseSync } from 'node:sqlite';`,
      `new DatabaseSync('auth.db')`,
      'file auth.db',
    ],
    [
      'in memory',
      `import Database from 'better-sqlite3';`,
      `new Database(':memory:')`,
      'unread: is a database in memory',
    ],
    [
      'Kysely',
      `import { Kysely, PostgresDialect } from 'kysely';\nimport { Pool } from 'pg';\nconst db = new Kysely<unknown>({ dialect: new PostgresDialect({ pool: new Pool({ connectionString: process.env.PG_URL }) }) });`,
      `{ db, type: 'postgres' }`,
      '${PG_URL}',
    ],
    [
      'Drizzle on postgres.js',
      `import { drizzle } from 'drizzle-orm/postgres-js';\nimport postgres from 'postgres';\nimport { drizzleAdapter } from 'better-auth/adapters/drizzle';\nconst client = postgres(process.env.PG_URL!);\nconst db = drizzle(client, { logger: false });`,
      `drizzleAdapter(db, { provider: 'pg' })`,
      '${PG_URL}',
    ],
    [
      'Drizzle with a connection',
      `import { drizzle } from 'drizzle-orm/mysql2';\nimport { drizzleAdapter } from 'better-auth/adapters/drizzle';`,
      `drizzleAdapter(drizzle({ connection: { uri: process.env.MYSQL_URL } }), { provider: 'mysql' })`,
      '${MYSQL_URL}',
    ],
    [
      'Drizzle from another file',
      `import { db } from './db';\nimport { drizzleAdapter } from 'better-auth/adapters/drizzle';`,
      `drizzleAdapter(db, { provider: 'pg' })`,
      'unread: comes from "./db", which is not read',
    ],
    [
      'Prisma',
      `import { PrismaClient } from '@prisma/client';\nimport { prismaAdapter } from 'better-auth/adapters/prisma';`,
      `prismaAdapter(new PrismaClient(), { provider: 'postgresql' })`,
      'unread: is named by the schema of Prisma, which is not read',
    ],
    [
      'Prisma with an adapter',
      `import { PrismaClient } from './generated/prisma';\nimport { PrismaPg } from '@prisma/adapter-pg';\nimport { prismaAdapter } from 'better-auth/adapters/prisma';\nconst adapter = new PrismaPg({ connectionString: process.env.PG_URL });`,
      `prismaAdapter(new PrismaClient({ adapter }), { provider: 'postgresql' })`,
      '${PG_URL}',
    ],
    [
      'MongoDB',
      `import { mongodbAdapter } from 'better-auth/adapters/mongodb';\nimport { db } from './db';`,
      'mongodbAdapter(db)',
      'unread: is MongoDB, which sessionctl does not work on',
    ],
    [
      'a helper',
      `import { env } from './env';\nimport { Pool } from 'pg';`,
      'new Pool({ connectionString: env.DATABASE_URL })',
      'unread: comes from "./env", which is not read',
    ],
    [
      'a function of the file',
      `import { Pool } from 'pg';\nfunction url() { return process.env.A; }`,
      'new Pool({ connectionString: url() })',
      'unread: is made by url(), which is not run',
    ],
    [
      'a class of the same name',
      `class Pool { constructor(_: unknown) {} }`,
      'new Pool({ connectionString: process.env.PG_URL })',
      'unread: is made by Pool(), which is not run',
    ],
    [
      'written out',
      `import { Pool } from 'pg';`,
      `new Pool({ connectionString: 'postgres://app:hunter2hunter2@db/app' })`,
      'literal',
    ],
  ])('finds the database: %s', async (_title, before, database, expected) => {
    const reading = await read(
      `${IMPORT}${before}\nexport const auth = betterAuth({ database: ${database} });\n`,
    );
    expect(urlOf(reading)).toBe(expected);
  });

  it('keeps every literal secret to itself', async () => {
    const reading = await read(
      `${IMPORT}import { Pool } from 'pg';
export const auth = betterAuth({
  secret: 'a-secret-of-32-characters-or-more',
  database: new Pool({ connectionString: 'postgres://app:hunter2hunter2@db/app' }),
  baseURL: 'https://user:hunter3hunter3@shop.example',
});
`,
    );
    expect(reading.secrets).toEqual(
      expect.arrayContaining(['a-secret-of-32-characters-or-more', 'hunter2hunter2', 'hunter3hunter3']),
    );
    expect(settingsOf(reading)).toEqual({});
    expect(unreadOf(reading).join('\n')).not.toMatch(/hunter|a-secret/);
    expect(unreadOf(reading)).toContain(
      '4 secret is in the file itself and was not copied: move it to a variable, and refer to that with secret = "${NAME}"',
    );
  });

  it('takes the zone that mysql2 writes', async () => {
    const reading = await read(
      `${IMPORT}import { createPool } from 'mysql2/promise';\nexport const auth = betterAuth({ database: createPool({ uri: process.env.DB, timezone: 'Z' }) });`,
    );
    expect(reading.timeZone).toMatchObject({ zone: 'Z' });
  });

  it('leaves names to the database where Drizzle or Prisma may call things otherwise', async () => {
    const reading = await read(
      `${IMPORT}import { drizzleAdapter } from 'better-auth/adapters/drizzle';
import { db } from '@/db';
import * as schema from '@/db/schema';
export const auth = betterAuth({
  database: drizzleAdapter(db, { provider: 'pg', usePlural: true, schema }),
  session: { modelName: 'login', fields: { userId: 'owner' } },
});`,
    );
    expect(reading.likelyNames).toEqual({ table: 'logins', userTable: null });
    expect(settingsOf(reading)).toEqual({});
    expect(reading.likelyFields).toEqual([
      { key: 'schema.columns.userId', value: 'owner', option: 'session.fields.userId', line: 7 },
    ]);
  });
});

describe('secondary storage', () => {
  const ioredis = `import { Redis } from 'ioredis';\nimport { redisStorage } from '@better-auth/redis-storage';\n`;
  const written = (key: string, more = '') =>
    `{ get: async (key) => (await redis.get(${key})) ?? null, set: async (key, value, ttl) => { if (ttl) await redis.set(${key}, value, 'EX', ttl); else await redis.set(${key}, value); }, delete: async (key) => { await redis.del(${key}); } ${more}}`;

  it.each([
    [
      'the official one',
      `${ioredis}const redis = new Redis(process.env.REDIS_URL!);`,
      'redisStorage({ client: redis })',
      '${REDIS_URL}',
      'better-auth:',
    ],
    [
      'with a prefix',
      `${ioredis}const redis = new Redis(process.env.REDIS_URL!);`,
      `redisStorage({ client: redis, keyPrefix: 'shop:' })`,
      '${REDIS_URL}',
      'shop:',
    ],
    [
      'with a prefix of the client as well',
      `${ioredis}const redis = new Redis(process.env.REDIS_URL!, { keyPrefix: 'a:' });`,
      `redisStorage({ client: redis, keyPrefix: 'b:' })`,
      '${REDIS_URL}',
      'a:b:',
    ],
    [
      'with a prefix from the environment',
      `${ioredis}const redis = new Redis(process.env.REDIS_URL!);`,
      `redisStorage({ client: redis, keyPrefix: process.env.P })`,
      '${REDIS_URL}',
      null,
    ],
    [
      'by host and port',
      `${ioredis}const redis = new Redis({ host: process.env.REDIS_HOST, db: 3 });`,
      'redisStorage({ client: redis })',
      'redis://${REDIS_HOST}:6379/3',
      'better-auth:',
    ],
    [
      'with a password apart',
      `${ioredis}const redis = new Redis({ host: 'r', password: process.env.P });`,
      'redisStorage({ client: redis })',
      'unread',
      'better-auth:',
    ],
    [
      'node-redis, by hand',
      `import { createClient } from 'redis';\nconst redis = await createClient({ url: process.env.REDIS_URL }).on('error', console.error).connect();`,
      written('key'),
      '${REDIS_URL}',
      '',
    ],
    [
      'by hand, with a text in front',
      `${ioredis}const P = 'auth';\nconst redis = new Redis(process.env.REDIS_URL!);`,
      written('`${P}:${key}`'),
      '${REDIS_URL}',
      'auth:',
    ],
    [
      'by hand, made otherwise',
      `${ioredis}import { hash } from './hash';\nconst redis = new Redis(process.env.REDIS_URL!);`,
      written('hash(key)'),
      '${REDIS_URL}',
      null,
    ],
    [
      'by hand, with a spread',
      `${ioredis}import { more } from './more';\nconst redis = new Redis(process.env.REDIS_URL!);`,
      written('key', ', ...more'),
      'unread',
      null,
    ],
    [
      'over HTTP',
      `import { Redis } from '@upstash/redis';\nconst redis = Redis.fromEnv();`,
      written('key'),
      'unread',
      '',
    ],
    ['from another file', `import { storage } from './storage';`, 'storage', 'unread', null],
  ])('%s', async (_title, before, storage, url, prefix) => {
    const { secondary } = await read(
      `${IMPORT}${before}\nexport const auth = betterAuth({ secondaryStorage: ${storage} });\n`,
    );
    const found = secondary?.url.kind === 'reference' ? secondary.url.text : secondary?.url.kind;
    // Without a client there is nothing that a prefix would belong to.
    expect([found, found === 'unread' && prefix === '' ? '' : secondary?.keyPrefix]).toEqual([url, prefix]);
  });
});

describe('what is not certain is said, with its line', () => {
  it.each([
    ['a call', 'session: { expiresIn: days(7) }', '4 session.expiresIn is made by days(), which is not run'],
    [
      'a variable that may change',
      'session: { expiresIn: later }',
      '4 session.expiresIn comes from later, a variable that may change',
    ],
    [
      'the environment',
      'session: { expiresIn: Number(process.env.TTL) }',
      '4 session.expiresIn is made by Number(), which is not run',
    ],
    [
      'a condition',
      'session: { expiresIn: isProduction() ? 60 : 90 }',
      '4 session.expiresIn depends on a condition',
    ],
    [
      'a part of a second',
      'session: { expiresIn: 0.5 }',
      '4 session.expiresIn is 0.5, which is not a whole number of seconds of at least 1',
    ],
    ['text for a number', 'session: { expiresIn: "7d" }', '4 session.expiresIn is no number'],
    [
      'a version that is a function',
      'session: { cookieCache: { version: () => "1" } }',
      '4 session.cookieCache.version is a function, which is not run',
    ],
    ['an object that is changed', 'user: changed', '4 user comes from changed, which is changed in line 3'],
    [
      'a name that a spread may replace',
      'user: { modelName: "members", ...shared }',
      '4 user.modelName is "members" here, but may be replaced in line 4: not used, the database decides instead',
    ],
    ['a circle', 'session: { expiresIn: a }', '2 session.expiresIn refers to itself'],
    ['a base URL of several hosts', 'baseURL: { allowedHosts: ["*.example"] }', '4 baseURL is no URL'],
    [
      'API keys in a storage of their own',
      'plugins: [apiKey({ storage: "secondary-storage", customStorage: later })]',
      '4 apiKey.customStorage is not read: API keys in it are neither counted nor disabled',
    ],
    [
      'one of several configurations of API keys',
      'plugins: [apiKey([{ configId: "a" }, { configId: "b", customStorage: later }])]',
      '4 apiKey.customStorage is not read: API keys in it are neither counted nor disabled',
    ],
    [
      'a name of its own',
      'advanced: { cookies: { session_token: { name: "sid" } } }',
      '4 advanced.cookies.session_token.name has no setting here: the cookie is expected under the name that the prefix gives it',
    ],
  ])('%s', async (_title, options, expected) => {
    const reading = await read(
      `${IMPORT}import { days, shared } from './own'; let later = 1; const a = b; const b = a;
const changed = { expiresIn: 60 }; changed.expiresIn = 90; function isProduction() { return later > 0; }
export const auth = betterAuth({ ${options} });
`,
    );
    expect(unreadOf(reading)).toContain(expected);
    expect(settingsOf(reading)).toEqual({});
  });

  const ON = 'so that a revocation is not reported as effective while browsers still use a copy';
  const FOR_5M = 'assumed to be on for 5m (set max_age if it may be longer)';
  it.each<[string, string, Record<string, string | boolean>, string]>([
    [
      'a cache that the environment switches',
      `session: { cookieCache: { enabled: process.env.X === '1', maxAge: 60 } }`,
      { enabled: true, max_age: '1m' },
      `3 session.cookieCache.enabled depends on the environment: assumed to be on, ${ON}`,
    ],
    [
      'a variable in place of a switch',
      'session: { cookieCache: { enabled: process.env.X } }',
      { enabled: true },
      `3 session.cookieCache.enabled depends on the environment: assumed to be on, ${ON}`,
    ],
    [
      'a length that is computed as well',
      `session: { cookieCache: { enabled: !!process.env.X, maxAge: Number(process.env.Y) } }`,
      { enabled: true, max_age: '5m' },
      `3 session.cookieCache.enabled is computed: ${FOR_5M}, ${ON}`,
    ],
    [
      'a cache that is there on one condition',
      `session: { cookieCache: process.env.X ? { enabled: true, maxAge: 600 } : undefined }`,
      { enabled: true, max_age: '10m' },
      '3 session.cookieCache.enabled is not known, since session.cookieCache depends on a condition: assumed to be on for 10m',
    ],
    [
      'a cache that is off before a spread',
      'session: { cookieCache: { enabled: false, ...shared } }',
      { enabled: true, max_age: '5m', strategy: 'jwt' },
      `3 session.cookieCache.enabled may be replaced in line 3: ${FOR_5M}, ${ON}`,
    ],
    [
      'a cache before a spread',
      'session: { cookieCache: { enabled: true, maxAge: 600, version: "2" }, ...shared }',
      { enabled: true, max_age: '10m', version: '2' },
      '3 session.cookieCache.version is "2" here, but session.cookieCache may be replaced in line 3: "2" is assumed',
    ],
    [
      'a session from elsewhere',
      'session: shared',
      { enabled: true, max_age: '5m' },
      `3 session.cookieCache.enabled is not known, since session comes from "./own", which is not read: ${FOR_5M}`,
    ],
    [
      'a spread of everything',
      '...shared',
      { enabled: true, max_age: '5m' },
      `3 session.cookieCache.enabled is not known, since session may be set by the spread in line 3: ${FOR_5M}`,
    ],
    [
      'a cache that lasts for it cannot be told how long',
      'session: { cookieCache: { enabled: true, maxAge: shared } }',
      { enabled: true, max_age: '5m' },
      '3 session.cookieCache.maxAge comes from "./own", which is not read: the cookie cache is assumed to last for 5m (set max_age if it may be longer)',
    ],
    [
      'a cache that is surely off',
      'session: { cookieCache: { enabled: false, maxAge: shared } }',
      { enabled: false },
      '3 session.cookieCache.maxAge comes from "./own", which is not read',
    ],
  ])('takes a cookie cache for on where it may be: %s', async (_title, options, cache, note) => {
    const reading = await read(
      `${IMPORT}import { shared } from './own';
export const auth = betterAuth({ ${options} });`,
    );
    const expected = Object.entries(cache).map(([key, value]) => [`session.cookie_cache.${key}`, value]);
    expect(settingsOf(reading)).toEqual(Object.fromEntries(expected));
    expect(
      unreadOf(reading).some((one) => one.startsWith(note)),
      unreadOf(reading).join('\n'),
    ).toBe(true);
    expect(unreadOf(reading).filter((one) => one.startsWith('3 session.cookieCache may'))).toEqual([]);
    if (cache['enabled'] === true) expect(reading.settings.some(({ isAssumed }) => isAssumed)).toBe(true);
  });

  it('takes what stands before a spread, and says that it may be replaced', async () => {
    const reading = await read(`${IMPORT}import { shared } from './own';
export const auth = betterAuth({
  secret: process.env.AUTH_SECRET, baseURL: process.env.APP_URL,
  session: { expiresIn: 60, storeSessionInDatabase: true, cookieCache: { enabled: false } },
  advanced: { cookiePrefix: 'shop' },
  ...shared,
});
`);
    expect(settingsOf(reading)).toEqual({
      'session.expires_in': '1m',
      'session.store_in_database': true,
      'session.cookie_cache.enabled': true,
      'session.cookie_cache.max_age': '5m',
      'auth.cookie_prefix': 'shop',
      'auth.secret': '${AUTH_SECRET}',
      'auth.base_url': '${APP_URL}',
    });
    expect(unreadOf(reading)).toEqual(
      expect.arrayContaining([
        '5 session.expiresIn is 60 here, but session may be replaced in line 7: 1m is assumed',
        '5 session.storeSessionInDatabase is true here, but session may be replaced in line 7: true is assumed',
        '6 advanced.cookiePrefix is "shop" here, but advanced may be replaced in line 7: "shop" is assumed',
        '4 secret is ${AUTH_SECRET} here, but may be replaced in line 7: that is assumed',
        "7 betterAuth options is partly made by a spread, which is not read: Better Auth's defaults are assumed for the options that it may set",
      ]),
    );
  });

  it('holds secondary storage for possible where a spread may set it', async () => {
    const { secondary } = await read(
      `${IMPORT}import { shared } from './own';\nexport const auth = betterAuth({ ...shared });`,
    );
    expect(secondary).toMatchObject({ isCertain: false, line: 3, url: { kind: 'unread' } });
  });

  it('knows what stands behind a spread, and a spread of what the file itself declares', async () => {
    const reading = await read(
      `${IMPORT}import { shared } from './own';
const base = { expiresIn: 60, updateAge: 30 };
export const auth = betterAuth({ ...shared, session: { ...base, updateAge: 10 } });
`,
    );
    expect(settingsOf(reading)).toEqual({ 'session.expires_in': '1m', 'session.update_age': '10s' });
    expect(reading.settings.some(({ isAssumed }) => isAssumed)).toBe(false);
  });

  it.each([
    ['no such call', 'export const auth = {};', /there is no betterAuth\(\{…\}\) in /],
    [
      'a call of something else',
      `import { betterAuth } from './own';\nbetterAuth({});`,
      /there is no betterAuth\(\{…\}\) of better-auth in .*auth\.ts: the one in line 2 is not imported from there/,
    ],
    ['a call without an import', 'export const auth = betterAuth({});', /the one in line 1 is not imported/],
    [
      'two of them',
      `${IMPORT}const a = betterAuth({}); const b = betterAuth({});`,
      /calls betterAuth in lines 2, 2: it is not clear which one/,
    ],
    [
      'options from elsewhere',
      `${IMPORT}import { options } from './own';\nbetterAuth(options);`,
      /auth\.ts:3: betterAuth is given options that cannot be read: the argument comes from "\.\/own"/,
    ],
    [
      'a wrapper',
      `${IMPORT}import { wrap } from './own';\nbetterAuth(wrap({}));`,
      /is made by wrap\(\), which is not run/,
    ],
    ['no TypeScript', 'const = ;', /cannot read .* as TypeScript: .*\(1:6\)/],
  ])('%s is an error', async (_title, text, message) => {
    await expect(read(text)).rejects.toThrow(message);
  });

  it('takes the one of several that is exported as auth', async () => {
    const text = `${IMPORT}const other = betterAuth({ session: { expiresIn: 1 } });\nexport const auth = betterAuth({ session: { expiresIn: 2 } });`;
    expect(settingsOf(await read(text))).toEqual({ 'session.expires_in': '2s' });
  });

  it('runs nothing', async () => {
    const text = `${IMPORT}globalThis.wasRun = true;\nprocess.exit(3);\nexport const auth = betterAuth({});`;
    expect((await read(text)).unread).toEqual([]);
    expect(globalThis).not.toHaveProperty('wasRun');
  });

  it('reads JavaScript and JSX as well', async () => {
    const text = `const { betterAuth } = require('better-auth');\nmodule.exports.auth = betterAuth({ session: { expiresIn: 60 } });`;
    expect(settingsOf(await read(text, 'auth.js'))).toEqual({ 'session.expires_in': '1m' });
    const jsx = `${IMPORT}const mail = <p>Hello</p>;\nexport const auth = betterAuth({ session: { expiresIn: 60 } });`;
    expect(settingsOf(await read(jsx, 'auth.tsx'))).toEqual({ 'session.expires_in': '1m' });
  });
});

it("looks where Better Auth's own CLI does", () => {
  const directory = temporaryDirectory();
  for (const place of [
    'src/lib/auth.ts',
    'auth.js',
    'app/server/auth/auth.ts',
    'docs/auth.ts',
    'lib/auth-client.ts',
  ])
    directory.write(place, '');
  expect(findAuthFiles(directory.path)).toEqual(['auth.js', 'src/lib/auth.ts', 'app/server/auth/auth.ts']);
});

describe('a file that nobody wrote by hand', () => {
  it.each([
    ['lists', `${'['.repeat(20_000)}${']'.repeat(20_000)}`],
    ['sums', `${'(1 + '.repeat(20_000)}1${')'.repeat(20_000)}`],
    ['a long sum', `${'"a" + '.repeat(20_000)}"b"`],
  ])('is refused where it is nested without end: %s', async (_, value) => {
    await expect(read(`${IMPORT}export const auth = betterAuth({ basePath: ${value} });`)).rejects.toThrow(
      /^cannot read .*auth\.ts: values are nested too deeply$/,
    );
  });

  it('is refused where it is larger than 1 MB', async () => {
    const text = `${IMPORT}export const auth = betterAuth({});\n`;
    expect(settingsOf(await read(text.padEnd(1_000_000)))).toEqual({});
    await expect(read(text.padEnd(1_000_001))).rejects.toThrow(/auth\.ts: it is larger than 1 MB$/);
  });
});
