import { getMigrations } from 'better-auth/db/migration';
import { admin, organization } from 'better-auth/plugins';
import { appOptions, createApp, type App, type AppOptions } from './app.ts';
import { createDatabase, type DatabaseOptions, type TestDatabase } from './databases.ts';
import {
  createDrizzleTables,
  quoteFor,
  type DrizzleTables,
  type Model,
  type TimeEncoding,
} from './drizzle-tables.ts';
import type { TestProfile } from './run-sessionctl.ts';
import type { Dialect } from './servers.ts';

export type SessionField =
  'id' | 'expiresAt' | 'token' | 'createdAt' | 'updatedAt' | 'ipAddress' | 'userAgent' | 'userId';

/** One way in which a deployment's tables look. */
export interface Shape {
  readonly name: string;
  readonly dialect: Dialect;
  /** The expiry as the database's own text, which proves that the shape is what its name says. */
  readonly storedExpiry: RegExp;
  /** What the operator has to tell sessionctl, or undefined where `--url` is enough. */
  readonly profile: TestProfile | undefined;
  /** The quoted name of a model's table. */
  readonly table: (model: Model) => string;
  /** The quoted name of a field's column. */
  readonly column: (field: string) => string;
  /** A moment as a literal of the column's own encoding. */
  readonly encode: (at: Date) => string;
  readonly databaseOptions: DatabaseOptions;
  /** Makes the tables and gives the options of an application on them. */
  readonly install: (database: TestDatabase) => Promise<AppOptions>;
  /** The user table is dropped once everybody has signed in. */
  readonly withoutUsers: boolean;
}

export interface Deployment {
  readonly shape: Shape;
  readonly database: TestDatabase;
  readonly app: App;
}

/** A fresh database in this shape with an application on it. Whoever calls drops the database. */
export async function deploy(shape: Shape): Promise<Deployment> {
  const database = await createDatabase(shape.dialect, shape.databaseOptions);
  try {
    return { shape, database, app: createApp(await shape.install(database)) };
  } catch (error) {
    await database.drop();
    throw error;
  }
}

const same = (name: string) => name;
export const snakeCase = (name: string) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
const plural = (model: Model) => `${model}s`;
const pascalCase = (model: Model) => `${model.charAt(0).toUpperCase()}${model.slice(1)}`;

/** `2026-11-23 10:00:00.000`, the UTC wall clock. */
const wallClock = (at: Date) => at.toISOString().replace('T', ' ').replace('Z', '');

/** Drizzle and Prisma leave `timestamptz` to Better Auth's own adapter. */
type Encoding = TimeEncoding | 'timestamptz';

const encoders: Readonly<Record<Encoding, (at: Date) => string>> = {
  timestamptz: (at) => `'${at.toISOString()}'`,
  timestamp: (at) => `'${wallClock(at)}'`,
  'timestamp(3)': (at) => `'${wallClock(at)}'`,
  'datetime(3)': (at) => `'${wallClock(at)}'`,
  milliseconds: (at) => String(at.getTime()),
  seconds: (at) => String(Math.floor(at.getTime() / 1000)),
  'text Z': (at) => `'${at.toISOString()}'`,
  'text +00:00': (at) => `'${at.toISOString().replace('Z', '+00:00')}'`,
};

const storedAs: Readonly<Record<Encoding, RegExp>> = {
  timestamptz: /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)?\+00$/,
  timestamp: /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)?$/,
  'timestamp(3)': /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)?$/,
  'datetime(3)': /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}$/,
  milliseconds: /^\d{13}$/,
  seconds: /^\d{10}$/,
  'text Z': /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/,
  'text +00:00': /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00$/,
};

/** What Better Auth's own migration declares for a moment. */
const ownEncoding = { postgresql: 'timestamptz', mysql: 'timestamp(3)', sqlite: 'text Z' } as const;

export interface OwnAdapter {
  readonly options?: Omit<AppOptions, 'database'>;
  readonly table?: (model: Model) => string;
  readonly column?: (field: string) => string;
  readonly profile?: TestProfile;
  readonly databaseOptions?: DatabaseOptions;
  /** Runs before Better Auth makes its tables. */
  readonly before?: string;
  readonly withoutUsers?: boolean;
}

/** Tables that Better Auth made itself (`getMigrations`), used through its own adapter. */
export function ownShape(dialect: Dialect, name: string, own: OwnAdapter = {}): Shape {
  const q = quoteFor(dialect);
  const table = own.table ?? same;
  const column = own.column ?? same;
  return {
    name: `${dialect}: ${name}`,
    dialect,
    storedExpiry: storedAs[ownEncoding[dialect]],
    profile: own.profile,
    table: (model) => q(table(model)),
    column: (field) => q(column(field)),
    encode: encoders[ownEncoding[dialect]],
    databaseOptions: own.databaseOptions ?? {},
    withoutUsers: own.withoutUsers ?? false,
    install: async (database) => {
      if (own.before !== undefined) await database.query(own.before);
      const options = { ...own.options, database: nativeDatabase(database) };
      const { runMigrations } = await getMigrations(appOptions(options));
      await runMigrations();
      return options;
    },
  };
}

interface HandMade extends Partial<DrizzleTables> {
  readonly time: TimeEncoding;
}

/** Tables that somebody else's migration made, used through the Drizzle adapter. */
function drizzleShape(dialect: Dialect, name: string, made: HandMade): Shape {
  const q = quoteFor(dialect);
  const tables: DrizzleTables = { table: same, column: same, foreignKeys: true, usePlural: false, ...made };
  return {
    name: `${dialect}: ${name}`,
    dialect,
    storedExpiry: storedAs[tables.time],
    profile: undefined,
    table: (model) => q(tables.table(model)),
    column: (field) => q(tables.column(field)),
    encode: encoders[tables.time],
    databaseOptions: {},
    withoutUsers: false,
    install: async (database) => ({ database: await createDrizzleTables(database, tables) }),
  };
}

function nativeDatabase(database: TestDatabase) {
  return database.dialect === 'sqlite' ? database.connection : database.pool;
}

export const pluralModels: OwnAdapter = {
  options: {
    user: { modelName: 'users' },
    session: { modelName: 'sessions' },
    account: { modelName: 'accounts' },
    verification: { modelName: 'verifications' },
  },
  table: plural,
};

/** `fields` of Better Auth's options, for columns in snake case. */
export const snakeFields = (...fields: readonly string[]) =>
  Object.fromEntries(fields.map((field) => [field, snakeCase(field)]));
const snakeCaseOptions: Omit<AppOptions, 'database'> = {
  user: { fields: snakeFields('emailVerified', 'createdAt', 'updatedAt') },
  session: { fields: snakeFields('expiresAt', 'createdAt', 'updatedAt', 'ipAddress', 'userAgent', 'userId') },
  account: {
    fields: snakeFields(
      'accountId',
      'providerId',
      'userId',
      'accessToken',
      'refreshToken',
      'idToken',
      'accessTokenExpiresAt',
      'refreshTokenExpiresAt',
      'createdAt',
      'updatedAt',
    ),
  },
};

const renamedSession: Readonly<Record<string, string>> = {
  expiresAt: 'valid_until',
  token: 'secret',
  createdAt: 'begun',
  updatedAt: 'touched',
  ipAddress: 'From Address',
  userAgent: 'browser',
  userId: 'account_holder',
};
const renamedUser = { email: 'mail', name: 'called', createdAt: 'joined' };
const renamed: OwnAdapter = {
  options: {
    session: { modelName: 'auth_logins', fields: renamedSession },
    user: { modelName: 'members', fields: renamedUser },
  },
  table: (model) =>
    ({ session: 'auth_logins', user: 'members', account: 'account', verification: 'verification' })[model],
  column: (field) => renamedSession[field] ?? field,
  profile: {
    table: 'auth_logins',
    userTable: 'members',
    columns: renamedSession,
    userColumns: { email: 'mail', name: 'called' },
  },
};

export const generateId = (how: 'uuid' | 'serial'): OwnAdapter => ({
  options: { advanced: { database: { generateId: how } } },
});

const plugins: OwnAdapter = {
  options: {
    plugins: [admin(), organization({ teams: { enabled: true } })],
    session: {
      additionalFields: {
        channel: { type: 'string', required: true, defaultValue: 'web' },
        trustedUntil: { type: 'date', required: false },
        clicks: { type: 'number', required: false, defaultValue: 0 },
      },
    },
    user: { additionalFields: { department: { type: 'string', required: true, defaultValue: 'none' } } },
  },
};

const snake = { column: snakeCase } as const;
const prisma = { table: pascalCase } as const;

/** Every shape that `design/better-auth.md` says exists in the field, on the databases where it does. */
export const shapes: readonly Shape[] = [
  ownShape('postgresql', 'own adapter'),
  ownShape('postgresql', 'own adapter, plural model names', pluralModels),
  ownShape('postgresql', 'own adapter, schema auth by search_path', {
    before: 'CREATE SCHEMA auth',
    databaseOptions: { searchPath: 'auth' },
  }),
  ownShape('postgresql', 'own adapter, generateId uuid', generateId('uuid')),
  ownShape('postgresql', 'own adapter, generateId serial', generateId('serial')),
  ownShape('postgresql', 'own adapter, renamed tables and fields', renamed),
  ownShape('postgresql', 'own adapter, snake case', { options: snakeCaseOptions, column: snakeCase }),
  ownShape('postgresql', 'own adapter, plugins and additional fields', plugins),
  ownShape('postgresql', 'own adapter, without a user table', { withoutUsers: true }),
  drizzleShape('postgresql', 'Drizzle, timestamp, snake case', { time: 'timestamp', ...snake }),
  drizzleShape('postgresql', 'Drizzle, timestamp, snake case, usePlural', {
    time: 'timestamp',
    ...snake,
    table: plural,
    usePlural: true,
  }),
  drizzleShape('postgresql', 'Prisma, timestamp(3)', { time: 'timestamp(3)', ...prisma }),

  ownShape('mysql', 'own adapter'),
  ownShape('mysql', 'own adapter, plural model names', pluralModels),
  ownShape('mysql', 'own adapter, generateId uuid', generateId('uuid')),
  ownShape('mysql', 'own adapter, generateId serial', generateId('serial')),
  ownShape('mysql', 'own adapter, renamed tables and fields', renamed),
  ownShape('mysql', 'own adapter, snake case', { options: snakeCaseOptions, column: snakeCase }),
  ownShape('mysql', 'own adapter, plugins and additional fields', plugins),
  drizzleShape('mysql', 'Drizzle, timestamp(3), snake case', { time: 'timestamp(3)', ...snake }),
  drizzleShape('mysql', 'Drizzle, timestamp(3), usePlural, no foreign keys', {
    time: 'timestamp(3)',
    table: plural,
    usePlural: true,
    foreignKeys: false,
  }),
  drizzleShape('mysql', 'Prisma, datetime(3)', { time: 'datetime(3)', ...prisma }),

  ownShape('sqlite', 'own adapter'),
  ownShape('sqlite', 'own adapter, plural model names', pluralModels),
  ownShape('sqlite', 'own adapter, generateId uuid', generateId('uuid')),
  ownShape('sqlite', 'own adapter, generateId serial', generateId('serial')),
  ownShape('sqlite', 'own adapter, renamed tables and fields', renamed),
  ownShape('sqlite', 'own adapter, snake case', { options: snakeCaseOptions, column: snakeCase }),
  ownShape('sqlite', 'own adapter, plugins and additional fields', plugins),
  ownShape('sqlite', 'own adapter, without a user table', { withoutUsers: true }),
  drizzleShape('sqlite', 'Drizzle, integer milliseconds, snake case', { time: 'milliseconds', ...snake }),
  drizzleShape('sqlite', 'Drizzle, integer seconds, usePlural', {
    time: 'seconds',
    ...snake,
    table: plural,
    usePlural: true,
  }),
  drizzleShape('sqlite', 'Drizzle, text', { time: 'text Z', foreignKeys: false }),
  drizzleShape('sqlite', 'Prisma, text with an offset', { time: 'text +00:00', ...prisma }),
  drizzleShape('sqlite', 'Prisma, integer milliseconds', { time: 'milliseconds', ...prisma }),
];

/** Among them each way to store a key and a time at least once on each database. */
const common: readonly string[] = [
  'postgresql: own adapter',
  'postgresql: own adapter, generateId uuid',
  'postgresql: own adapter, generateId serial',
  'postgresql: Drizzle, timestamp, snake case',
  'mysql: own adapter',
  'mysql: own adapter, generateId serial',
  'mysql: Prisma, datetime(3)',
  'sqlite: own adapter',
  'sqlite: own adapter, generateId serial',
  'sqlite: Drizzle, integer milliseconds, snake case',
  'sqlite: Drizzle, integer seconds, usePlural',
  'sqlite: Prisma, text with an offset',
];

/** What `npm test` asks about; the thorough tests ask about the others. */
export const commonShapes: readonly Shape[] = common.map(named);
export const otherShapes: readonly Shape[] = shapes.filter((shape) => !commonShapes.includes(shape));

/** The plainest shape of a dialect, for suites that are about something else. */
export function plainShape(dialect: Dialect): Shape {
  return named(`${dialect}: own adapter`);
}

export function named(name: string): Shape {
  const shape = shapes.find((one) => one.name === name);
  if (shape === undefined) throw new Error(`no shape is called ${name}`);
  return shape;
}
