import type { SchemaNames } from '../settings.ts';

/** A place in the application's configuration. */
export interface AuthPlace {
  /** `session.expiresIn`. */
  readonly option: string;
  readonly line: number;
}

/** A setting of a profile that the application's configuration says. */
export interface ReadSetting extends AuthPlace {
  /** As in the file, below the profile: `session.expires_in`. */
  readonly key: string;
  /** Text may refer to variables, as `${NAME}`. */
  readonly value: string | number | boolean;
  /** Not certain, and taken as the more careful or the more likely: a note among what is unread says so. */
  readonly isAssumed: boolean;
}

/** Something that the application sets and that cannot be read, or that sessionctl has no setting for. */
export interface Unread extends AuthPlace {
  /** The end of a sentence that begins with the option: `is made by days(), which is not run`. */
  readonly why: string;
}

/** Where a server or a file is, as the application says it. */
export type ReadUrl = AuthPlace &
  (
    | { readonly kind: 'reference'; readonly text: string }
    /** The path of an SQLite file. */
    | { readonly kind: 'path'; readonly path: string }
    /** It stands in the application's source, with whatever it holds. */
    | { readonly kind: 'literal'; readonly url: string }
    | { readonly kind: 'unread'; readonly why: string }
  );

export interface ReadSecondary extends AuthPlace {
  /** False where it cannot even be told whether there is one. */
  readonly isCertain: boolean;
  readonly url: ReadUrl;
  /** Null where it cannot be told. */
  readonly keyPrefix: string | null;
  readonly cluster: boolean;
}

/** What can be told of an application's `betterAuth({…})` without running it. */
export interface AuthReading {
  /** Absolute. */
  readonly path: string;
  /** Null where no database is set. */
  readonly database: ReadUrl | null;
  /** Of the driver; null where it does not say. */
  readonly timeZone: (AuthPlace & { readonly zone: string }) | null;
  /** Null where all sessions stand in the database. */
  readonly secondary: ReadSecondary | null;
  readonly settings: readonly ReadSetting[];
  /**
   * Names that the application has given, where another layer may call things otherwise in the database: they count where
   * the database has them.
   */
  readonly likelyNames: Pick<SchemaNames, 'table' | 'userTable'> | null;
  /** As `likelyNames`: columns, and the verification table. The key is that of the setting which one becomes. */
  readonly likelyFields: readonly (AuthPlace & { readonly key: string; readonly value: string })[];
  readonly unread: readonly Unread[];
  /** Secrets that stand in the file itself: never to be shown. */
  readonly secrets: readonly string[];
}
