import { InvalidValueError } from '../sessions/invalid-value.ts';
import { isPlainUrl } from './url-secrets.ts';

const MYSQL = /^(?:mysql|mariadb):\/\//i;

/**
 * The problem with naming replicas for the database of a URL, or undefined. A PostgreSQL primary knows its replicas,
 * and SQLite has none.
 */
export function complaintAboutReplicasOf(url: string): string | undefined {
  return MYSQL.test(url) ? undefined : 'is for MySQL and MariaDB only';
}

/** The hint for that problem. */
export const replicasHint = 'A PostgreSQL primary names its replicas itself. Leave the key out.';

/** Checks the URL of a replica. The message never contains the URL itself: it may contain a password. */
export function checkedReplicaUrl(text: string): string {
  if (!isPlainUrl(text)) {
    throw new InvalidValueError(
      'cannot be read as a URL',
      'Percent-encode special characters of a password: @ is %40, / is %2F, # is %23, ? is %3F.',
    );
  }
  if (MYSQL.test(text)) return text;
  throw new InvalidValueError(
    'is not the URL of a MySQL or MariaDB server',
    'Begin it with mysql:// or mariadb://.',
  );
}
