import { createHash } from 'node:crypto';
import { betterAuth, type BetterAuthOptions } from 'better-auth';

/** What a test says of its application; the rest is the same for all of them. */
export type AppOptions = Pick<
  BetterAuthOptions,
  'database' | 'secondaryStorage' | 'advanced' | 'user' | 'session' | 'account' | 'verification' | 'plugins'
>;

/** An application with Better Auth in it: the judge of everything that sessionctl says. */
export type App = ReturnType<typeof createApp>;

export const baseUrl = 'http://localhost:3000';
export const password = 'correct horse battery staple';

export function createApp(options: AppOptions) {
  return betterAuth(appOptions(options));
}

/** The whole of the options, for `getMigrations`. */
export function appOptions(options: AppOptions): BetterAuthOptions {
  return {
    baseURL: baseUrl,
    secret: 'a secret of forty characters for the tests',
    logger: { disabled: true },
    telemetry: { enabled: false },
    rateLimit: { enabled: false },
    emailAndPassword: {
      enabled: true,
      autoSignIn: false,
      // What a password costs is none of sessionctl's business, and scrypt would be most of a test's time.
      password: {
        hash: (plain) => Promise.resolve(`cheap:${plain}`),
        verify: ({ hash, password: plain }) => Promise.resolve(hash === `cheap:${plain}`),
      },
    },
    ...options,
  };
}

/** A session as Better Auth itself tells of it; ids are text, absent columns null. */
export interface Truth {
  readonly id: string;
  readonly token: string;
  readonly userId: string;
  readonly createdAt: Date;
  readonly updatedAt: Date;
  readonly expiresAt: Date;
  readonly ipAddress: string | null;
  readonly userAgent: string | null;
  readonly impersonatedBy: string | null;
  readonly activeOrganizationId: string | null;
}

export interface Person {
  readonly id: string;
  readonly email: string;
  readonly name: string;
}

export interface Client {
  /** Sent as `x-forwarded-for`; Better Auth stores a usable one, IPv6 masked to its /64. */
  readonly ip: string;
  readonly userAgent: string;
}

export interface SignIn {
  readonly token: string;
  /** The request header that proves the session. */
  readonly cookie: string;
}

export async function signUp(app: App, name: string, email: string): Promise<Person> {
  const { user } = await app.api.signUpEmail({ body: { name, email, password } });
  // Without signing in at once Better Auth answers with an id of its own making: the stored one counts.
  const context = await app.$context;
  const stored = await context.internalAdapter.findUserByEmail(user.email);
  if (stored === null) throw new Error(`${email} did not sign up`);
  return { id: stored.user.id, email: stored.user.email, name: stored.user.name };
}

export async function signIn(app: App, person: Person, client: Client): Promise<SignIn> {
  const { headers, response } = await app.api.signInEmail({
    body: { email: person.email, password },
    headers: { 'x-forwarded-for': client.ip, 'user-agent': client.userAgent },
    returnHeaders: true,
  });
  return { token: response.token, cookie: cookieOf(headers) };
}

/** Calls an endpoint that a plugin adds, as a browser would. */
export async function post(app: App, path: string, cookie: string, body: unknown): Promise<unknown> {
  const response = await app.handler(
    new Request(`${baseUrl}/api/auth${path}`, {
      method: 'POST',
      headers: {
        cookie,
        origin: baseUrl,
        'content-type': 'application/json',
        'user-agent': 'Admin console',
        'x-forwarded-for': '192.0.2.99',
      },
      body: JSON.stringify(body),
    }),
  );
  if (!response.ok) throw new Error(`${path} answered ${String(response.status)}: ${await response.text()}`);
  return response.json();
}

/** Every session of the users, expired ones too, as Better Auth's adapter reads them. */
export async function everySession(app: App, userIds: readonly string[]): Promise<readonly Truth[]> {
  const { internalAdapter } = await app.$context;
  const perUser = await Promise.all(userIds.map((id) => internalAdapter.listSessions(id)));
  return perUser.flat().map(truthOf);
}

/** The live sessions of whoever holds the cookie, by the public API. */
export async function liveSessions(app: App, cookie: string): Promise<readonly Truth[]> {
  const sessions = await app.api.listSessions({ headers: { cookie } });
  return sessions.map(truthOf);
}

/** The first 12 hexadecimal digits of the token's SHA-256. */
export function fingerprint(token: string): string {
  return createHash('sha256').update(token).digest('hex').slice(0, 12);
}

function truthOf(session: object): Truth {
  const all: Partial<Truth> = session;
  const { id, token, userId } = all;
  const [createdAt, updatedAt, expiresAt] = [all.createdAt, all.updatedAt, all.expiresAt].map(momentOf);
  if (id === undefined || token === undefined || userId === undefined)
    throw new Error('Better Auth gave a session without an id');
  if (createdAt === undefined || updatedAt === undefined || expiresAt === undefined)
    throw new Error('Better Auth gave a session without its times');
  const text = (value: string | null | undefined) => value ?? null;
  return {
    id,
    token,
    userId,
    createdAt,
    updatedAt,
    expiresAt,
    ipAddress: text(all.ipAddress),
    userAgent: text(all.userAgent),
    impersonatedBy: text(all.impersonatedBy),
    activeOrganizationId: text(all.activeOrganizationId),
  };
}

/** Of a list from secondary storage, Better Auth turns the expiry back into a date and leaves the other times text. */
function momentOf(time: unknown): Date | undefined {
  if (time instanceof Date) return time;
  return typeof time === 'string' ? new Date(time) : undefined;
}

function cookieOf(headers: Headers): string {
  return headers
    .getSetCookie()
    .map((cookie) => cookie.split(';')[0])
    .join('; ');
}
