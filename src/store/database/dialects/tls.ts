import type { TlsSettings } from '../../../config/settings.ts';

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
 * @returns false for a connection in the clear
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
  const mode = (parameters.get('sslmode') ?? parameters.get('ssl-mode') ?? '')
    .toLowerCase()
    .replaceAll('_', '-');
  switch (mode) {
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
      return impliedByFlag(parameters);
  }
}

function impliedByFlag(parameters: ReadonlyMap<string, string>): TlsOptions | false {
  const flag = parameters.get('ssl') ?? parameters.get('sslaccept');
  if (flag === undefined || flag === '' || flag === 'false' || flag === '0') return false;
  return { rejectUnauthorized: !/"rejectUnauthorized"\s*:\s*false|accept_invalid_certs/.test(flag) };
}
