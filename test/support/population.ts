import {
  everySession,
  fingerprint,
  post,
  signIn,
  signUp,
  type Client,
  type Person,
  type SignIn,
  type Truth,
} from './app.ts';
import { literal } from './databases.ts';
import { quoteFor } from './drizzle-tables.ts';
import type { Deployment } from './shapes.ts';

const minute = 60_000;
const day = 24 * 60 * minute;

export const agents = {
  chrome:
    'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36',
  firefox: 'Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:133.0) Gecko/20100101 Firefox/133.0',
  iphone:
    'Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Mobile/15E148 Safari/604.1',
  curl: 'curl/8.10.1',
} as const;

const people: readonly {
  readonly name: string;
  readonly email: string;
  readonly clients: readonly Client[];
}[] = [
  {
    name: 'Ada Lovelace',
    email: 'ada@example.com',
    clients: [
      { ip: '203.0.113.7', userAgent: agents.chrome },
      { ip: '2001:db8:aaaa:bbbb:cccc::1', userAgent: agents.iphone },
      { ip: '::ffff:192.0.2.44', userAgent: agents.curl },
      { ip: '203.0.113.200', userAgent: agents.firefox },
    ],
  },
  {
    name: 'Zoë O’Brien 🦊',
    email: "zoe.o'brien+work@example.com",
    clients: [
      { ip: '198.51.100.23', userAgent: agents.firefox },
      { ip: '2001:db8:aaaa:bbbc::2', userAgent: '' },
      { ip: 'not an address', userAgent: 'Ünïcode/1.0 (a; "quoted"; b\\c)' },
    ],
  },
  {
    name: 'Grace Hopper',
    email: 'grace@example.com',
    clients: [{ ip: '192.0.2.1', userAgent: agents.chrome }],
  },
];

/** Lives and ends that a fresh sign-in does not have, by session, in the order of sign-ins; milliseconds from now. */
const ages: readonly { readonly created: number; readonly updated: number; readonly expires: number }[] = [
  { created: -5 * minute + 1, updated: -3 * minute - 1, expires: 7 * day - 1 },
  { created: -20 * day - 999, updated: -day + 120, expires: 6 * day + 1000 },
  { created: -30 * day, updated: -9 * day + 7, expires: -2 * day - 1 },
  { created: -90 * minute, updated: -90 * minute, expires: -1 * minute },
  { created: -12 * 60 * minute, updated: -12 * 60 * minute, expires: 6.5 * day },
  { created: -8 * day, updated: -8 * day, expires: -day },
];

export interface Population {
  readonly people: readonly Person[];
  /** In the order of `people`, each one's sign-ins. */
  readonly signIns: readonly (readonly SignIn[])[];
  /** A cookie of each person whose session stays alive and is not due for a refresh. */
  readonly cookies: readonly string[];
}

/** Users sign up and in on several devices; then time passes for some of their sessions, in the database itself. */
export async function populate(deployment: Deployment): Promise<Population> {
  const { app } = deployment;
  const signedUp: Person[] = [];
  const signIns: SignIn[][] = [];
  for (const { name, email, clients } of people) {
    const person = await signUp(app, name, email);
    const own: SignIn[] = [];
    for (const client of clients) own.push(await signIn(app, person, client));
    signedUp.push(person);
    signIns.push(own);
  }
  const now = Date.now();
  const aged = signIns.flat();
  for (const [index, { created, updated, expires }] of ages.entries()) {
    await updateSession(deployment, aged[index]?.token ?? '', {
      createdAt: new Date(now + created),
      updatedAt: new Date(now + updated),
      expiresAt: new Date(now + expires),
    });
  }
  if (deployment.shape.dialect === 'postgresql') await addMicroseconds(deployment, aged[1]?.token ?? '');
  const cookies = signIns.map(([first]) => first?.cookie ?? '');
  if (deployment.shape.withoutUsers) await dropUsers(deployment);
  return { people: signedUp, signIns, cookies };
}

export interface SessionChange {
  readonly createdAt?: Date;
  readonly updatedAt?: Date;
  readonly expiresAt?: Date;
  readonly ipAddress?: string | null;
  readonly userAgent?: string | null;
}

/** Changes a row behind Better Auth's back, times in the column's own encoding. */
export async function updateSession(
  deployment: Deployment,
  token: string,
  change: SessionChange,
): Promise<void> {
  const { shape, database } = deployment;
  const assignments = Object.entries(change).map(([field, value]: [string, Date | string | null]) => {
    return `${shape.column(field)} = ${value instanceof Date ? shape.encode(value) : literal(shape.dialect, value)}`;
  });
  const where = `${shape.column('token')} = ${literal(shape.dialect, token)}`;
  await database.query(`UPDATE ${shape.table('session')} SET ${assignments.join(', ')} WHERE ${where}`);
}

/** As a default of now() or another program writes them: Better Auth cuts them off, and so does whoever agrees with it. */
async function addMicroseconds({ shape, database }: Deployment, token: string): Promise<void> {
  const later = ['createdAt', 'updatedAt', 'expiresAt']
    .map(shape.column)
    .map((column) => `${column} = ${column} + interval '999 microseconds'`);
  await database.query(
    `UPDATE ${shape.table('session')} SET ${later.join(', ')} WHERE ${shape.column('token')} = ${literal(shape.dialect, token)}`,
  );
}

/** Leaves the sessions without the table that says whose they are. */
async function dropUsers({ shape, database }: Deployment): Promise<void> {
  const q = quoteFor(shape.dialect);
  if (shape.dialect === 'sqlite') {
    await database.query('PRAGMA foreign_keys = OFF');
    await database.query(`DROP TABLE ${q('account')}`);
    await database.query(`DROP TABLE ${shape.table('user')}`);
  } else {
    await database.query(`DROP TABLE ${shape.table('user')} CASCADE`);
  }
}

/** An administrator acts as somebody else, and somebody chooses an organization: what the plugins add to sessions. */
export async function usePlugins(deployment: Deployment, population: Population): Promise<void> {
  const { app, shape, database } = deployment;
  const [ada, zoe] = population.people;
  const [adasCookie = '', zoesCookie = ''] = population.cookies;
  await database.query(
    `UPDATE ${shape.table('user')} SET role = 'admin' WHERE email = ${literal(shape.dialect, ada?.email ?? '')}`,
  );
  const created = await post(app, '/organization/create', zoesCookie, {
    name: 'Analytical Engines',
    slug: 'engines',
  });
  const { id } = created as { id: string };
  await post(app, '/organization/set-active', zoesCookie, { organizationId: id });
  await post(app, '/admin/impersonate-user', adasCookie, { userId: zoe?.id });
}

/** One session as `sessionctl list --json` has to say it, from what Better Auth says. */
export function expectedSession(
  truth: Truth,
  person: Person | undefined,
  now: number,
): Readonly<Record<string, unknown>> {
  return {
    id: truth.id,
    userId: truth.userId,
    userEmail: person?.email ?? null,
    userName: person?.name ?? null,
    state: truth.expiresAt.getTime() > now ? 'active' : 'expired',
    createdAt: truth.createdAt.toISOString(),
    updatedAt: truth.updatedAt.toISOString(),
    lastActiveAt: truth.updatedAt.toISOString(),
    expiresAt: truth.expiresAt.toISOString(),
    ipAddress: truth.ipAddress,
    userAgent: truth.userAgent,
    impersonatedBy: truth.impersonatedBy,
    store: 'database',
    tokenFingerprint: fingerprint(truth.token),
  };
}

/** All that `sessionctl list --state all --json` has to say of a deployment, by id. */
export async function expectedList(
  deployment: Deployment,
  population: Population,
): Promise<readonly Readonly<Record<string, unknown>>[]> {
  const truths = await everySession(
    deployment.app,
    population.people.map((person) => person.id),
  );
  const person = (truth: Truth) =>
    deployment.shape.withoutUsers ? undefined : population.people.find(({ id }) => id === truth.userId);
  return byId(truths.map((truth) => expectedSession(truth, person(truth), Date.now())));
}

/** Sessions in the order of their ids, which is nobody's default: for comparing sets. */
export function byId<Session extends Readonly<Record<string, unknown>>>(
  sessions: readonly Session[],
): readonly Session[] {
  return [...sessions].sort((a, b) => (String(a['id']) < String(b['id']) ? -1 : 1));
}
