import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { drizzleAdapter } from '@better-auth/drizzle-adapter';
import type { BetterAuthOptions } from 'better-auth';
import { appOptions, baseUrl, type AppOptions, type Client } from '../support/app.ts';

/** A release of Better Auth, as `load.js` gives it. The types are the newest's: of it little is used. */
export interface Release {
  readonly betterAuth: (options: BetterAuthOptions) => Application;
  readonly getMigrations: (options: BetterAuthOptions) => Promise<{ runMigrations: () => Promise<void> }>;
  readonly drizzleAdapter?: typeof drizzleAdapter;
}

/** What all releases have in common: requests as a browser makes them, and the question whose a cookie is. */
export interface Application {
  readonly handler: (request: Request) => Promise<Response>;
  readonly api: {
    readonly getSession: (input: { readonly headers: Headers }) => Promise<Answer | null>;
  };
}

export interface Answer {
  readonly session: {
    /** Early releases give none to a session that secondary storage alone holds. */
    readonly id?: string;
    readonly token: string;
    readonly expiresAt: Date;
    readonly ipAddress?: string | null;
    readonly userAgent?: string | null;
  };
  readonly user: { readonly email: string };
}

/** @param directory of `load.js`, with the release in its `node_modules` */
export async function loadRelease(directory: string): Promise<Release> {
  return (await import(pathToFileURL(join(directory, 'load.js')).href)) as Release;
}

export function optionsOf(options: AppOptions): BetterAuthOptions {
  return {
    ...appOptions(options),
    emailAndPassword: {
      enabled: true,
      autoSignIn: false,
      // Its arguments are others in 1.0.0, and nobody here has a wrong one.
      password: { hash: () => Promise.resolve('cheap'), verify: () => Promise.resolve(true) },
    },
  };
}

export async function signUp(app: Application, email: string): Promise<void> {
  await post(app, '/sign-up/email', { name: email, email, password }, {});
}

/** @returns the request header that proves the session */
export async function signIn(app: Application, email: string, client: Client): Promise<string> {
  const response = await post(
    app,
    '/sign-in/email',
    { email, password },
    { 'x-forwarded-for': client.ip, 'user-agent': client.userAgent },
  );
  return response.headers
    .getSetCookie()
    .map((cookie) => cookie.split(';')[0])
    .join('; ');
}

const password = 'correct horse battery staple';

async function post(
  app: Application,
  path: string,
  body: unknown,
  headers: Readonly<Record<string, string>>,
): Promise<Response> {
  const response = await app.handler(
    new Request(`${baseUrl}/api/auth${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', origin: baseUrl, ...headers },
      body: JSON.stringify(body),
    }),
  );
  if (!response.ok) throw new Error(`${path} answered ${String(response.status)}: ${await response.text()}`);
  return response;
}
