import type { Ipv6Subnet } from '../sessions/address.ts';
import type { CacheStrategy } from '../sessions/cached-copy.ts';

/** Better Auth's names, and those that the database has in their place; only what the configuration renames. */
export interface SchemaNames {
  /** PostgreSQL: the schema that holds the tables. */
  readonly databaseSchema: string | null;
  readonly table: string | null;
  readonly userTable: string | null;
  /** Field of Better Auth's session → column. */
  readonly columns: Readonly<Record<string, string>>;
  /** Field of Better Auth's user → column. */
  readonly userColumns: Readonly<Record<string, string>>;
  readonly verificationTable?: string | null;
  /** Field of Better Auth's verification → column. */
  readonly verificationColumns?: Readonly<Record<string, string>>;
  /** Names that count where the database has them and nothing else is recognised: of an adapter that may rename them. */
  readonly likely?: LikelyNames;
}

/** Names of Better Auth's fields and of its verification table, as an application gives them to its adapter. */
export interface LikelyNames {
  readonly columns: Readonly<Record<string, string>>;
  readonly userColumns: Readonly<Record<string, string>>;
  readonly verificationTable: string | null;
  readonly verificationColumns: Readonly<Record<string, string>>;
}

export interface TlsSettings {
  /** PEM text, read from the files that the configuration names. */
  readonly ca: string | null;
  readonly cert: string | null;
  readonly key: string | null;
  readonly rejectUnauthorized: boolean;
}

/** How to reach the auth database and how to read it. */
export interface DatabaseSettings {
  /** The profile that was used, or null. */
  readonly profile: string | null;
  /** `postgres://…`, `mysql://…`, `sqlite:<path>`, `file:<path>` or a path; may hold a password. */
  readonly url: string;
  /** Of the application that writes: an IANA name or an offset; null where nobody said. */
  readonly timeZone: string | null;
  /** Milliseconds; 0 is no limit. */
  readonly statementTimeout: number;
  /** Milliseconds. */
  readonly connectTimeout: number;
  /** The URLs of the replicas of a MySQL or MariaDB server, to ask how far they are behind; may hold passwords. */
  readonly replicas: readonly string[];
  readonly tls: TlsSettings | null;
  readonly schema: SchemaNames;
  /** What relative paths in the URL start from. */
  readonly cwd: string;
  /** libpq's variables, where the environment has any: they give what a PostgreSQL URL leaves open. */
  readonly variables?: Readonly<Record<string, string>>;
}

/** How to reach Better Auth's secondary storage. */
export interface RedisSettings {
  /** `redis://…` or `rediss://…`; may hold a password. With sentinels its host is the name of the master. */
  readonly url: string;
  /** In front of every key; may be empty. */
  readonly keyPrefix: string;
  readonly tls: TlsSettings | null;
  /** The URL names one of the nodes of a Redis Cluster. */
  readonly cluster: boolean;
  /** `host:port` of each; none where the URL names the server itself. */
  readonly sentinels: readonly string[];
  readonly sentinelPassword: string | null;
  /** Milliseconds that sessions have to stay gone, since a refresh under way may bring one back. */
  readonly settle: number;
  /** Milliseconds. */
  readonly connectTimeout: number;
}

/** What the application's `betterAuth({ session })` says. Lengths are milliseconds. */
export interface SessionSettings {
  readonly expiresIn: number;
  /** `expires_in` where the profile gives it; null where Better Auth's default is assumed. */
  readonly declaredExpiresIn: number | null;
  readonly updateAge: number;
  /** No request moves an expiry. */
  readonly disableRefresh: boolean;
  /** So long after sign-in a session is fresh; 0 for ever. */
  readonly freshAge: number;
  readonly cookieCache: {
    readonly enabled: boolean;
    readonly maxAge: number;
    readonly strategy: CacheStrategy;
    /** What a cached copy has to say of itself to be believed. */
    readonly version: string;
    /** The profile says whether there is one. */
    readonly isDeclared: boolean;
  };
  /** Whether the application has `secondaryStorage`; null where the profile does not say. */
  readonly secondaryStorage: boolean | null;
  readonly storeInDatabase: boolean;
  readonly preserveInDatabase: boolean;
  /** Of each user, for `limit`; null where nobody said. */
  readonly maximumSessions: number | null;
}

export interface AuthSettings {
  /** What Better Auth signs cookies with. */
  readonly secret: string | null;
  /** What it signed them with before: such cookies are refused (better-auth 1.7.25 signs and checks with the first of its `secrets`). */
  readonly formerSecrets: readonly string[];
  readonly baseUrl: string | null;
  readonly cookiePrefix: string | null;
  /** Of Better Auth, such as `1.7.25`; null where the profile does not say. */
  readonly release: string | null;
  /** Milliseconds that a token of the JWT plugin lives; null where the profile does not say. */
  readonly jwtExpiresIn: number | null;
}

/** What the application's `betterAuth({ advanced: { ipAddress } })` says. */
export interface IpSettings {
  /** The bits of an IPv6 address that are stored; the rest is zero. */
  readonly ipv6Subnet: Ipv6Subnet;
}

/** Everything that a command may need to know, checked and complete. */
export interface Settings {
  readonly database: DatabaseSettings;
  readonly redis: RedisSettings | null;
  readonly session: SessionSettings;
  readonly ip: IpSettings;
  readonly auth: AuthSettings;
}

/** The global options that choose settings, as typed; absent means not given. */
export interface SettingsFlags {
  readonly profile?: string | undefined;
  readonly config?: string | undefined;
  readonly url?: string | undefined;
  readonly timeZone?: string | undefined;
}

/**
 * Whether ended sessions stay in the database as records. Where Redis alone holds sessions, Better Auth keeps none whatever
 * the option says (better-auth 1.7.25, `db/internal-adapter`, deleteSession).
 */
export function keepsRecords({ redis, session }: Pick<Settings, 'redis' | 'session'>): boolean {
  return session.preserveInDatabase && (redis === null || session.storeInDatabase);
}
