import { InvalidValueError } from '../sessions/invalid-value.ts';
import { isPlainUrl } from './url-secrets.ts';

const MYSQL = /^(?:mysql|mariadb):\/\//i;

/**
 * What is wrong with naming replicas of the database that a URL names, or undefined where nothing is. A PostgreSQL
 * primary knows its replicas, and SQLite has none.
 */
export function complaintAboutReplicasOf(url: string): string | undefined {
  return MYSQL.test(url) ? undefined : 'is for MySQL and MariaDB only';
}

/** What to do about that. */
export const replicasHint = 'A PostgreSQL primary names its replicas itself. Leave the key out.';

/** The URL of a replica. The URL itself never appears in the message: it may hold a password. */
export function checkedReplicaUrl(text: string): string {
  if (!isPlainUrl(text)) {
    throw new InvalidValueError(
      'cannot be read as a URL',
      'Special characters of a password are percent-encoded: @ is %40, / is %2F, # is %23, ? is %3F.',
    );
  }
  if (MYSQL.test(text)) return text;
  throw new InvalidValueError(
    'is not the URL of a MySQL or MariaDB server',
    'It begins with mysql:// or mariadb://.',
  );
}
