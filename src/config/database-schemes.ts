import type { DialectName } from '../sessions/dialect-name.ts';

/** How a URL names a server. */
export interface ServerScheme {
  readonly dialect: Exclude<DialectName, 'sqlite'>;
  /** What its URL may say: the parameters of libpq, or those of MySQL's clients. */
  readonly protocol: 'postgresql' | 'mysql';
  readonly port: number;
}

export const serverSchemes: Readonly<Record<string, ServerScheme>> = {
  postgres: { dialect: 'postgresql', protocol: 'postgresql', port: 5432 },
  postgresql: { dialect: 'postgresql', protocol: 'postgresql', port: 5432 },
  mysql: { dialect: 'mysql', protocol: 'mysql', port: 3306 },
  mariadb: { dialect: 'mysql', protocol: 'mysql', port: 3306 },
};

/** The scheme that a URL begins with, in lower case; undefined where the text is a path. */
export function schemeOf(text: string): string | undefined {
  return /^([a-z][a-z0-9+.-]*):/i.exec(text)?.[1]?.toLowerCase();
}
