import { apiKey, type ApiKeyConfigurationOptions } from '@better-auth/api-key';
import { betterAuth } from 'better-auth';
import { bearer, deviceAuthorization, emailOTP, magicLink, twoFactor } from 'better-auth/plugins';
import { appOptions, baseUrl, everySession, signUp, type App, type Person } from './app.ts';
import { createDatabase, type TestDatabase } from './databases.ts';
import type { Dialect } from './servers.ts';
import { generateId, ownShape, snakeFields, type OwnAdapter } from './shapes.ts';

const password = 'correct horse battery staple';

interface Answer {
  readonly ok: boolean;
  readonly body: Readonly<Record<string, unknown>>;
  /** As a browser would send them back. */
  readonly cookie: string;
}

/** An application whose users can come back in every way that outlives a session. */
export interface ReturningApp {
  readonly app: App;
  readonly database: TestDatabase;
  /** Somebody with a session and one of each way back. */
  readonly returning: (email: string) => Promise<Returning>;
}

/** Each answers whether Better Auth lets them in, and uses the way up. */
export interface Returning {
  readonly person: Person;
  readonly sessions: () => Promise<number>;
  readonly ways: Readonly<
    Record<
      'trustedDevice' | 'device' | 'apiKey' | 'magicLink' | 'signInCode' | 'passwordReset',
      () => Promise<boolean>
    >
  >;
}

/** How the tables of the plugins look. */
interface PluginSchemas {
  readonly deviceCode?: { readonly modelName: string; readonly fields: Readonly<Record<string, string>> };
  readonly apikey?: { readonly modelName: string; readonly fields: Readonly<Record<string, string>> };
}

/** How the tables look; the options are the application's, beside the plugins. */
export interface ReturningShape extends OwnAdapter {
  readonly plugins?: PluginSchemas;
  /** Where the API keys stand. */
  readonly apiKeys?: Pick<ApiKeyConfigurationOptions, 'storage' | 'fallbackToDatabase'>;
}

/** The ways in which the tables look that let users in again. */
export const returningShapes = {
  'Better Auth’s own tables': {},
  'numbers as ids': generateId('serial'),
  'names of the operator’s own, and fields in snake case': {
    options: {
      session: {
        modelName: 'sessions',
        fields: snakeFields('expiresAt', 'createdAt', 'updatedAt', 'ipAddress', 'userAgent', 'userId'),
      },
      verification: {
        modelName: 'verifications',
        fields: snakeFields('expiresAt', 'createdAt', 'updatedAt'),
      },
    },
    plugins: {
      deviceCode: {
        modelName: 'tv_logins',
        fields: snakeFields(
          'deviceCode', 'userCode', 'userId', 'expiresAt', 'lastPolledAt', 'pollingInterval', 'clientId',
        ), // prettier-ignore
      },
      apikey: {
        modelName: 'machine_access',
        fields: snakeFields(
          'configId', 'referenceId', 'refillInterval', 'refillAmount', 'lastRefillAt', 'rateLimitEnabled',
          'rateLimitTimeWindow', 'rateLimitMax', 'requestCount', 'lastRequest', 'expiresAt', 'createdAt', 'updatedAt',
        ), // prettier-ignore
      },
    },
  },
} as const satisfies Readonly<Record<string, ReturningShape>>;
export type ReturningShapeName = keyof typeof returningShapes;

export async function returningApp(dialect: Dialect, own: ReturningShape = {}): Promise<ReturningApp> {
  const { deviceCode = {}, apikey = {} } = own.plugins ?? {};
  const mailed = new Map<string, string>();
  const mail = (kind: string, email: string, secret: string) => {
    mailed.set(`${kind} ${email}`, secret);
    return Promise.resolve();
  };
  const mailedTo = (kind: string, email: string) => mailed.get(`${kind} ${email}`) ?? 'nothing was mailed';
  const shape = ownShape(dialect, 'ways back', {
    ...own,
    options: {
      ...own.options,
      plugins: [
        bearer(),
        twoFactor({ skipVerificationOnEnable: true }),
        deviceAuthorization({ expiresIn: '30m', interval: '5s', schema: { deviceCode } }),
        magicLink({ sendMagicLink: ({ email, token }) => mail('link', email, token) }),
        emailOTP({ sendVerificationOTP: ({ email, otp }) => mail('code', email, otp) }),
        apiKey({ ...own.apiKeys, schema: { apikey } }),
      ],
    },
  });
  const database = await createDatabase(dialect, shape.databaseOptions);
  const options = appOptions(await shape.install(database));
  const app = betterAuth({
    ...options,
    emailAndPassword: {
      enabled: true,
      ...options.emailAndPassword,
      sendResetPassword: ({ user, token }) => mail('reset', user.email, token),
    },
  }) as unknown as App;

  const call = async (path: string, body?: unknown, cookie = ''): Promise<Answer> => {
    const response = await app.handler(
      new Request(`${baseUrl}/api/auth${path}`, {
        method: body === undefined ? 'GET' : 'POST',
        headers: {
          cookie,
          origin: baseUrl,
          'content-type': 'application/json',
          'x-forwarded-for': '192.0.2.1',
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      }),
    );
    const text = await response.text();
    return {
      ok: response.status < 400 && !(response.headers.get('location') ?? '').includes('error'),
      body: text.startsWith('{') ? (JSON.parse(text) as Answer['body']) : {},
      cookie: response.headers
        .getSetCookie()
        .map((set) => set.split(';')[0])
        .join('; '),
    };
  };
  const must = async (...given: Parameters<typeof call>): Promise<Answer> => {
    const answer = await call(...given);
    if (!answer.ok) throw new Error(`${given[0]} answered ${JSON.stringify(answer.body)}`);
    return answer;
  };

  const returning = async (email: string): Promise<Returning> => {
    const person = await signUp(app, 'Ada', email);
    const { internalAdapter } = await app.$context;
    await internalAdapter.updateUser(person.id, { emailVerified: true });
    const { cookie } = await must('/sign-in/email', { email, password });

    const code = await must('/device/code', { client_id: 'television' });
    const userCode = String(code.body['user_code']);
    await must(`/device?user_code=${userCode}`, undefined, cookie);
    await must('/device/approve', { userCode }, cookie);

    const api = app.api as unknown as {
      readonly createApiKey: (input: object) => Promise<{ readonly key: string }>;
      readonly verifyApiKey: (input: object) => Promise<{ readonly valid: boolean }>;
    };
    const { key } = await api.createApiKey({ body: { userId: person.id, name: 'script' } });

    await must('/request-password-reset', { email, redirectTo: '/reset' });
    await must('/sign-in/magic-link', { email });
    await must('/email-otp/send-verification-otp', { email, type: 'sign-in' });

    const enabled = await must('/two-factor/enable', { password }, cookie);
    const [backup] = enabled.body['backupCodes'] as readonly string[];
    const challenge = await must('/sign-in/email', { email, password });
    const trusted = await must(
      '/two-factor/verify-backup-code',
      { code: backup, trustDevice: true },
      challenge.cookie,
    );

    return {
      person,
      sessions: async () => (await everySession(app, [person.id])).length,
      ways: {
        trustedDevice: async () => {
          const answer = await must('/sign-in/email', { email, password }, trusted.cookie);
          return answer.body['twoFactorRedirect'] !== true;
        },
        device: async () => {
          const grant = 'urn:ietf:params:oauth:grant-type:device_code';
          const asked = { grant_type: grant, device_code: code.body['device_code'], client_id: 'television' };
          return (await call('/device/token', asked)).ok;
        },
        apiKey: async () => (await api.verifyApiKey({ body: { key } })).valid,
        magicLink: async () => (await call(`/magic-link/verify?token=${mailedTo('link', email)}`)).ok,
        signInCode: async () =>
          (await call('/sign-in/email-otp', { email, otp: mailedTo('code', email) })).ok,
        passwordReset: async () =>
          (await call('/reset-password', { token: mailedTo('reset', email), newPassword: `${password} 2` }))
            .ok,
      },
    };
  };
  return { app, database, returning };
}
