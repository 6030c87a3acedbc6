import { createHash, randomBytes } from 'node:crypto';
import { apiKey } from '@better-auth/api-key';
import { oauthProvider } from '@better-auth/oauth-provider';
import { jwt } from 'better-auth/plugins';
import { baseUrl } from './app.ts';
import { generateDrizzleTables } from './drizzle-generated.ts';
import { quoteFor } from './drizzle-tables.ts';
import type { Dialect } from './servers.ts';
import {
  generateId,
  named,
  ownShape,
  pluralModels,
  snakeCase,
  snakeFields,
  type Deployment,
  type OwnAdapter,
  type Shape,
} from './shapes.ts';

/** A deployment that is an OAuth provider and gives out API keys. */
export interface OAuthShape extends Shape {
  /** The quoted name of a token table. */
  readonly tokenTable: (model: TokenModel) => string;
  /** The quoted name of a column of theirs. */
  readonly tokenColumn: (field: string) => string;
  /** What `['openid', 'offline_access']` is in a column, as the database's own text. */
  readonly storedScopes: string;
}

export type TokenModel = 'oauthAccessToken' | 'oauthRefreshToken';

const jsonScopes = '["openid","offline_access"]';
/** jsonb is written with a space of PostgreSQL's own. */
const ownScopes = { postgresql: '["openid", "offline_access"]', mysql: jsonScopes, sqlite: jsonScopes };
const provider = { loginPage: '/sign-in', consentPage: '/consent' } as const;
/** Of every model of the plugin, its fields in snake case and its name in the plural. */
const renamedSchema = Object.fromEntries(
  Object.entries(oauthProvider(provider).schema).map(([model, { fields }]) => [
    model,
    { modelName: `${model}s`, fields: snakeFields(...Object.keys(fields)) },
  ]),
);

function plugins(schema: typeof renamedSchema = {}) {
  return [jwt(), oauthProvider({ ...provider, schema }), apiKey()];
}

function ownOAuthShape(dialect: Dialect, name: string, own: OwnAdapter = {}): OAuthShape {
  return {
    ...ownShape(dialect, `OAuth, own adapter${name}`, {
      ...own,
      options: { plugins: plugins(), ...own.options },
    }),
    tokenTable: quoteFor(dialect),
    tokenColumn: quoteFor(dialect),
    storedScopes: ownScopes[dialect],
  };
}

/** Plural names everywhere, and the plugin's fields in snake case. */
function renamedOAuthShape(dialect: Dialect): OAuthShape {
  const q = quoteFor(dialect);
  return {
    ...ownOAuthShape(dialect, ', plural model names and fields in snake case', {
      ...pluralModels,
      options: { ...pluralModels.options, plugins: plugins(renamedSchema) },
    }),
    tokenTable: (model) => q(`${model}s`),
    tokenColumn: (field) => q(snakeCase(field)),
  };
}

function drizzleOAuthShape(dialect: Dialect, like: string, storedScopes: string): OAuthShape {
  const q = quoteFor(dialect);
  return {
    ...named(`${dialect}: ${like}`),
    name: `${dialect}: OAuth, ${like}`,
    install: async (database) => {
      const used = { plugins: plugins() };
      return { ...used, database: await generateDrizzleTables(database, used) };
    },
    tokenTable: (model) => q(snakeCase(model)),
    tokenColumn: (field) => q(snakeCase(field)),
    storedScopes,
  };
}

const encodedTwice = JSON.stringify(jsonScopes);

/** The ways in which the tables of the OAuth provider look. */
export const oauthShapes: readonly OAuthShape[] = [
  ownOAuthShape('postgresql', ''),
  renamedOAuthShape('postgresql'),
  ownOAuthShape('postgresql', ', generateId serial', generateId('serial')),
  ownOAuthShape('postgresql', ', generateId uuid', generateId('uuid')),
  drizzleOAuthShape('postgresql', 'Drizzle, timestamp, snake case', '{openid,offline_access}'),

  ownOAuthShape('mysql', ''),
  renamedOAuthShape('mysql'),
  ownOAuthShape('mysql', ', generateId serial', generateId('serial')),
  drizzleOAuthShape('mysql', 'Drizzle, timestamp(3), snake case', encodedTwice),

  ownOAuthShape('sqlite', ''),
  renamedOAuthShape('sqlite'),
  ownOAuthShape('sqlite', ', generateId serial', generateId('serial')),
  drizzleOAuthShape('sqlite', 'Drizzle, integer milliseconds, snake case', encodedTwice),
];

interface TokenTraits {
  readonly model: TokenModel;
  readonly scopes: readonly string[];
  /** Bound to a session. */
  readonly bound: boolean;
  readonly revokedBefore: boolean;
  /** Better Auth revokes it when its session ends. */
  readonly endsWithSession: boolean;
}

const access = {
  model: 'oauthAccessToken',
  scopes: ['openid'],
  bound: true,
  revokedBefore: false,
  endsWithSession: true,
} as const satisfies TokenTraits;
const refresh = { ...access, model: 'oauthRefreshToken' } as const satisfies TokenTraits;
const offline = ['openid', 'offline_access'] as const;
const unbound = { bound: false, endsWithSession: false } as const;
const revokedBefore = { revokedBefore: true, endsWithSession: false } as const;

/** The tokens that a revocation has to tell apart. */
export const tokenKinds = {
  access,
  'access, offline': { ...access, scopes: offline },
  'access, revoked before': { ...access, ...revokedBefore },
  'access, unbound': { ...access, ...unbound },
  refresh,
  'refresh, offline': { ...refresh, scopes: offline, endsWithSession: false },
  'refresh, a scope that contains the word': { ...refresh, scopes: ['openid', 'x_offline_access'] },
  'refresh, revoked before': { ...refresh, ...revokedBefore },
  'refresh, offline, revoked before': { ...refresh, scopes: offline, ...revokedBefore },
  'refresh, unbound': { ...refresh, ...unbound },
} as const satisfies Readonly<Record<string, TokenTraits>>;

export type TokenKind = keyof typeof tokenKinds;

export const allTokenKinds = Object.keys(tokenKinds) as readonly TokenKind[];

export interface IssuedToken {
  readonly id: string;
  readonly kind: TokenKind;
  /** What the client holds; the database has its hash alone. */
  readonly value: string;
  readonly client: { readonly id: string; readonly secret: string };
}

/** A token as Better Auth's adapter reads it. */
export interface StoredToken {
  readonly id: string;
  readonly model: TokenModel;
  readonly sessionId: string | null;
  readonly revoked: Date | null;
  readonly scopes: readonly string[];
}

export const revokedLongAgo = new Date('2026-01-02T03:04:05.000Z');

const hour = 60 * 60 * 1000;

/** A client comes to hold tokens of these kinds, as the plugin's token endpoint would have stored them. */
export async function issueTokens(
  { app }: Deployment,
  session: { readonly id: string; readonly userId: string },
  kinds: readonly TokenKind[] = allTokenKinds,
): Promise<readonly IssuedToken[]> {
  const { adapter } = await app.$context;
  const client = { id: randomBytes(12).toString('hex'), secret: randomBytes(24).toString('hex') };
  await adapter.create({
    model: 'oauthClient',
    data: {
      clientId: client.id,
      clientSecret: hash(client.secret),
      redirectUris: ['https://client.example.com/callback'],
      grantTypes: ['authorization_code', 'refresh_token'],
      createdAt: new Date(),
      updatedAt: new Date(),
    },
  });
  const issue = async (kind: TokenKind): Promise<IssuedToken> => {
    const { model, scopes, bound, revokedBefore } = tokenKinds[kind];
    const value = randomBytes(24).toString('hex');
    const { id } = await adapter.create<Record<string, unknown>, { readonly id: string }>({
      model,
      data: {
        token: hash(value),
        clientId: client.id,
        userId: session.userId,
        sessionId: bound ? session.id : null,
        revoked: revokedBefore ? revokedLongAgo : null,
        scopes,
        createdAt: new Date(),
        expiresAt: new Date(Date.now() + hour),
      },
    });
    return { id, kind, value, client };
  };
  return Promise.all(kinds.map(issue));
}

/** As the plugin stores tokens and secrets. */
function hash(text: string): string {
  return createHash('sha256').update(text).digest('base64url');
}

/** Every token there is. */
export async function tokensOf({ app }: Deployment): Promise<readonly StoredToken[]> {
  const { adapter } = await app.$context;
  const read = async (model: TokenModel): Promise<readonly StoredToken[]> => {
    // Without a limit Better Auth stops at 100.
    const tokens = await adapter.findMany<Omit<StoredToken, 'model'>>({ model, limit: 100_000 });
    return tokens.map(({ id, sessionId, revoked, scopes }) => ({ id, model, sessionId, revoked, scopes }));
  };
  return (await Promise.all([read('oauthAccessToken'), read('oauthRefreshToken')])).flat();
}

/** What the provider tells a client who asks whether its token is still good. */
export async function isActive({ app }: Deployment, { value, kind, client }: IssuedToken): Promise<boolean> {
  const hint = tokenKinds[kind].model === 'oauthAccessToken' ? 'access_token' : 'refresh_token';
  const response = await app.handler(
    new Request(`${baseUrl}/api/auth/oauth2/introspect`, {
      method: 'POST',
      headers: {
        authorization: `Basic ${Buffer.from(`${client.id}:${client.secret}`).toString('base64')}`,
        'content-type': 'application/x-www-form-urlencoded',
      },
      body: new URLSearchParams({ token: value, token_type_hint: hint }),
    }),
  );
  const answer: unknown = await response.json();
  if (typeof answer === 'object' && answer !== null && 'active' in answer && response.ok)
    return answer.active === true;
  throw new Error(`introspection answered ${String(response.status)}: ${JSON.stringify(answer)}`);
}

interface ApiKeyApi {
  readonly createApiKey: (input: {
    readonly body: { readonly userId: string; readonly name: string };
  }) => Promise<{ readonly id: string; readonly key: string; readonly referenceId: string }>;
}

/** Gives a user an API key, which no session holds and no revocation ends. */
export async function createApiKey(
  { app }: Deployment,
  userId: string,
): ReturnType<ApiKeyApi['createApiKey']> {
  // Deployments differ in their plugins, so the type of an application knows of none.
  const api = app.api as unknown as ApiKeyApi;
  return api.createApiKey({ body: { userId, name: 'deployment script' } });
}
