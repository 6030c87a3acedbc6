import type { SchemaNames } from '../settings.ts';

/** A place in the application's configuration. */
export interface AuthPlace {
  /** For example `session.expiresIn`. */
  readonly option: string;
  readonly line: number;
}

/** A profile setting found in the application's configuration. */
export interface ReadSetting extends AuthPlace {
  /** As in the file, below the profile: `session.expires_in`. */
  readonly key: string;
  /** Text may refer to variables, as `${NAME}`. */
  readonly value: string | number | boolean;
  /** Not certain: the more careful or the more likely value was taken. A note among the unread options says so. */
  readonly isAssumed: boolean;
}

/** An option of the application that cannot be read, or that sessionctl has no setting for. */
export interface Unread extends AuthPlace {
  /** The end of a sentence that begins with the option: `is made by days(), which is not run`. */
  readonly why: string;
}

/** The place of a server or a file, as the application gives it. */
export type ReadUrl = AuthPlace &
  (
    | { readonly kind: 'reference'; readonly text: string }
    /** The path of a SQLite file. */
    | { readonly kind: 'path'; readonly path: string }
    /** The URL is in the application's source, with any password in it. */
    | { readonly kind: 'literal'; readonly url: string }
    | { readonly kind: 'unread'; readonly why: string }
  );

export interface ReadSecondary extends AuthPlace {
  /** False if it is not even known whether there is one. */
  readonly isCertain: boolean;
  readonly url: ReadUrl;
  /** Null if it is not known. */
  readonly keyPrefix: string | null;
  readonly cluster: boolean;
}

/** The facts about an application's `betterAuth({…})` that are known without running it. */
export interface AuthReading {
  /** Absolute. */
  readonly path: string;
  /** Null where no database is set. */
  readonly database: ReadUrl | null;
  /** The driver's; null if it sets none. */
  readonly timeZone: (AuthPlace & { readonly zone: string }) | null;
  /** Null where all sessions are in the database. */
  readonly secondary: ReadSecondary | null;
  readonly settings: readonly ReadSetting[];
  /**
   * Names that the application gives, where the adapter may use other names in the database. They apply if the database
   * has them.
   */
  readonly likelyNames: Pick<SchemaNames, 'table' | 'userTable'> | null;
  /** Like `likelyNames`: columns, and the verification table. The key is that of the resulting setting. */
  readonly likelyFields: readonly (AuthPlace & { readonly key: string; readonly value: string })[];
  readonly unread: readonly Unread[];
  /** Secrets in the file itself: never to be shown. */
  readonly secrets: readonly string[];
}
