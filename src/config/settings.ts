import type { Ipv6Subnet } from '../sessions/address.ts';
import type { CacheStrategy } from '../sessions/cached-copy.ts';

/** Better Auth's names, with the database's names for them; only those that the configuration renames. */
export interface SchemaNames {
  /** PostgreSQL: the schema that contains the tables. */
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
  /** Names that apply if the database has them and nothing else is recognised: from an adapter that may rename them. */
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

/** How to reach and read the auth database. */
export interface DatabaseSettings {
  /** The profile that was used, or null. */
  readonly profile: string | null;
  /** `postgres://…`, `mysql://…`, `sqlite:<path>`, `file:<path>` or a path; may contain a password. */
  readonly url: string;
  /** The zone of the application that writes: an IANA name or an offset; null if it is not configured. */
  readonly timeZone: string | null;
  /** Milliseconds; 0 is no limit. */
  readonly statementTimeout: number;
  /** Milliseconds. */
  readonly connectTimeout: number;
  /**
   * The URLs of the replicas of a MySQL or MariaDB server, to measure how far they are behind; may contain passwords.
   */
  readonly replicas: readonly string[];
  readonly tls: TlsSettings | null;
  readonly schema: SchemaNames;
  /** Relative paths in the URL start here. */
  readonly cwd: string;
  /** libpq's variables, if the environment has any: they fill in what a PostgreSQL URL omits. */
  readonly variables?: Readonly<Record<string, string>>;
}

/** How to reach Better Auth's secondary storage. */
export interface RedisSettings {
  /** `redis://…` or `rediss://…`; may contain a password. With sentinels its host is the name of the master. */
  readonly url: string;
  /** The beginning of every key; may be empty. */
  readonly keyPrefix: string;
  readonly tls: TlsSettings | null;
  /** The URL names one of the nodes of a Redis Cluster. */
  readonly cluster: boolean;
  /** `host:port` of each; none where the URL names the server itself. */
  readonly sentinels: readonly string[];
  readonly sentinelPassword: string | null;
  /** Milliseconds for which sessions must stay gone, since a refresh in progress may bring one back. */
  readonly settle: number;
  /** Milliseconds. */
  readonly connectTimeout: number;
}

/** The application's `betterAuth({ session })` options. Durations are in milliseconds. */
export interface SessionSettings {
  readonly expiresIn: number;
  /** `expires_in` if the profile sets it; null where Better Auth's default is assumed. */
  readonly declaredExpiresIn: number | null;
  readonly updateAge: number;
  /** No request moves an expiry. */
  readonly disableRefresh: boolean;
  /** Only a POST to get-session moves an expiry. */
  readonly deferRefresh: boolean;
  /** Time after sign-in for which a session is fresh; 0 means forever. */
  readonly freshAge: number;
  readonly cookieCache: {
    readonly enabled: boolean;
    readonly maxAge: number;
    readonly strategy: CacheStrategy;
    /** The version that a cached copy must have to be accepted. */
    readonly version: string;
    /** The profile states whether there is a cache. */
    readonly isDeclared: boolean;
  };
  /** Whether the application has `secondaryStorage`; null if the profile does not say. */
  readonly secondaryStorage: boolean | null;
  readonly storeInDatabase: boolean;
  readonly preserveInDatabase: boolean;
  /** Per user, for `limit`; null if it is not configured. */
  readonly maximumSessions: number | null;
}

export interface AuthSettings {
  /** The secret with which Better Auth signs cookies. */
  readonly secret: string | null;
  /**
   * Former secrets: cookies signed with them are refused (better-auth 1.7.25 signs and checks with the first of its
   * `secrets`).
   */
  readonly formerSecrets: readonly string[];
  readonly baseUrl: string | null;
  readonly cookiePrefix: string | null;
  /** The release of Better Auth, such as `1.7.25`; null if the profile does not say. */
  readonly release: string | null;
  /** Lifetime of the JWT plugin's tokens in milliseconds; null if the profile does not say. */
  readonly jwtExpiresIn: number | null;
}

/** The application's `betterAuth({ advanced: { ipAddress } })` options. */
export interface IpSettings {
  /** The bits of an IPv6 address that are stored; the rest is zero. */
  readonly ipv6Subnet: Ipv6Subnet;
}

/** All settings that a command may need, checked and complete. */
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
 * Whether ended sessions stay in the database as records. Where only Redis holds sessions, Better Auth keeps none,
 * regardless of the option (better-auth 1.7.25, `db/internal-adapter`, deleteSession).
 */
export function keepsRecords({ redis, session }: Pick<Settings, 'redis' | 'session'>): boolean {
  return session.preserveInDatabase && (redis === null || session.storeInDatabase);
}
