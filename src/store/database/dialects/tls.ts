import type { TlsSettings } from '../../../config/settings.ts';
import { UsageError } from '../../../errors.ts';

/** What both drivers of servers hand to Node's TLS. */
export interface TlsOptions {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly rejectUnauthorized: boolean;
  /** Present where the name in the certificate is not compared with the host (verify-ca). */
  readonly checkServerIdentity?: () => undefined;
}

/**
 * TLS as the configuration wants it, else as the parameters of the URL do, which mean what libpq and the MySQL client
 * take them to mean: `require` encrypts without verifying, `verify-ca` verifies the issuer, `verify-full` the host too.
 * `allow` and `prefer`, which would rather have TLS, get none: no driver tries both.
 * @returns false for a connection in the clear
 * @throws UsageError for a parameter or value about TLS that is not known
 */
export function tlsOptions(
  settings: TlsSettings | null,
  parameters: ReadonlyMap<string, string>,
): TlsOptions | false {
  if (settings !== null) {
    return {
      rejectUnauthorized: settings.rejectUnauthorized,
      ...(settings.ca === null ? {} : { ca: settings.ca }),
      ...(settings.cert === null ? {} : { cert: settings.cert }),
      ...(settings.key === null ? {} : { key: settings.key }),
    };
  }
  for (const name of parameters.keys()) {
    if (/ssl|tls/i.test(name) && !KNOWN_PARAMETERS.includes(name)) {
      throw new UsageError(
        `the database URL has the parameter ${JSON.stringify(name)}, which is not known here`,
        {
          hint: 'Write sslmode=verify-full (ssl-mode=VERIFY_IDENTITY on MySQL); certificates go into [profiles.<name>.tls].',
        },
      );
    }
  }
  const mode = parameters.get('sslmode') ?? parameters.get('ssl-mode');
  return mode === undefined ? impliedByFlag(parameters) : byMode(mode);
}

const KNOWN_PARAMETERS = ['sslmode', 'ssl-mode', 'ssl', 'sslaccept'];

/** A word that is misspelt must not end in a connection in the clear. */
function byMode(mode: string): TlsOptions | false {
  switch (mode.toLowerCase().replaceAll('_', '-')) {
    case 'disable':
    case 'disabled':
    case 'allow':
    case 'prefer':
    case 'preferred':
      return false;
    case 'require':
    case 'required':
    case 'no-verify':
      return { rejectUnauthorized: false };
    case 'verify-ca':
      return { rejectUnauthorized: true, checkServerIdentity: () => undefined };
    case 'verify-full':
    case 'verify-identity':
      return { rejectUnauthorized: true };
    default:
      throw unknownValue('sslmode', mode);
  }
}

function impliedByFlag(parameters: ReadonlyMap<string, string>): TlsOptions | false {
  const accept = parameters.get('sslaccept');
  if (accept !== undefined && accept !== 'strict' && accept !== 'accept_invalid_certs')
    throw unknownValue('sslaccept', accept);
  const flag = parameters.get('ssl');
  if (flag === undefined) return accept === undefined ? false : { rejectUnauthorized: accept === 'strict' };
  if (flag === 'false' || flag === '0') return false;
  // mysql2 takes the options of TLS as JSON.
  if (/^(?:true|1|\{.*\})$/.test(flag))
    return { rejectUnauthorized: !/"rejectUnauthorized"\s*:\s*false/.test(flag) };
  throw unknownValue('ssl', flag);
}

function unknownValue(name: string, value: string): UsageError {
  return new UsageError(`the database URL says ${name}=${value}, which is not known here`, {
    hint: 'It is one of disable, require, verify-ca and verify-full (DISABLED, REQUIRED, VERIFY_CA, VERIFY_IDENTITY on MySQL).',
  });
}
