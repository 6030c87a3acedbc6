import type { DatabaseSettings } from '../../../config/settings.ts';
import { parseServerOrDatabaseUrl } from './database-url.ts';
import { attemptsOf } from '../dialects/attempts.ts';
import { isLocalHost } from './local-host.ts';

/**
 * A warning if the connection to another host is not secure and the configuration does not ask for that; null
 * otherwise.
 */
export function weakTlsWarning(settings: DatabaseSettings): string | null {
  const found = waysTo(settings);
  if (found === null) return null;
  const { location, ways } = found;
  const remote = ways.filter(({ host }) => !isLocalHost(host));
  const [plain] = remote.filter(({ ssl }) => ssl === false);
  const [sslmode, verified] =
    location.protocol === 'mysql' ? ['ssl-mode', 'VERIFY_IDENTITY'] : ['sslmode', 'verify-full'];
  if (plain !== undefined) {
    const isAsked = ['sslmode', 'ssl-mode', 'ssl'].some((name) => location.parameters.has(name));
    if (isAsked) return null;
    return `the connection to ${plain.host} may be unencrypted: others on the network could read tokens. Add ${sslmode}=${verified} to the URL, or ${sslmode}=disable on a network that you trust`;
  }
  const [first] = remote;
  if (first === undefined || settings.tls?.rejectUnauthorized !== false) return null;
  return `tls.reject_unauthorized is false: ${first.host} is not verified to be the server. Set its certificate authority instead: [profiles.<name>.tls] ca = "…"`;
}

/** Null for a file, and for an unreadable URL, which the connection reports. */
function waysTo({ url, cwd, variables, tls }: DatabaseSettings) {
  try {
    const location = parseServerOrDatabaseUrl(url, cwd, variables);
    return location.dialect === 'sqlite' ? null : { location, ways: attemptsOf(location, tls) };
  } catch {
    return null;
  }
}
