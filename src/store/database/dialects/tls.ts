import { readFileSync } from 'node:fs';
import type { SecureVersion } from 'node:tls';
import type { TlsSettings } from '../../../config/settings.ts';
import { ConfigError } from '../../../errors.ts';
import { errorText } from '../../refusals.ts';

/** The options that both server drivers pass to Node's TLS. */
export interface TlsOptions {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly passphrase?: string;
  readonly minVersion?: SecureVersion;
  readonly maxVersion?: SecureVersion;
  readonly servername?: string;
  readonly rejectUnauthorized: boolean;
  /** Present if the certificate's name is not compared with the host (verify-ca). */
  readonly checkServerIdentity?: () => undefined;
}

type Parameters = ReadonlyMap<string, string>;

/** The levels of libpq's sslmode, weakest first. The values of MySQL and Prisma map to these. */
const LEVELS = ['disable', 'allow', 'prefer', 'require', 'verify-ca', 'verify-full'] as const;
type Level = (typeof LEVELS)[number];

const MODES: Readonly<Record<string, Level>> = {
  ...Object.fromEntries(LEVELS.map((level) => [level, level])),
  disabled: 'disable',
  preferred: 'prefer',
  required: 'require',
  'no-verify': 'require',
  'verify-identity': 'verify-full',
};
const FLAGS: Readonly<Record<string, Level>> = {
  true: 'verify-full',
  1: 'verify-full',
  false: 'disable',
  0: 'disable',
  'no-verify': 'require',
};
const ACCEPTS: Readonly<Record<string, Level>> = {
  strict: 'verify-full',
  accept_invalid_certs: 'require',
};
/** Parameters that turn TLS on or off, and the meaning of their values. */
const WORDS: Readonly<Record<string, Readonly<Record<string, Level>>>> = {
  sslmode: MODES,
  'ssl-mode': MODES,
  ssl: { ...MODES, ...FLAGS },
  sslaccept: ACCEPTS,
};
/** Parameters that are the path of a PEM file. */
const FILES: Readonly<Record<string, 'ca' | 'cert' | 'key'>> = {
  sslrootcert: 'ca',
  'ssl-ca': 'ca',
  sslcert: 'cert',
  'ssl-cert': 'cert',
  sslkey: 'key',
  'ssl-key': 'key',
};
const TEXTS: Readonly<Record<string, 'passphrase' | 'minVersion' | 'maxVersion'>> = {
  sslpassword: 'passphrase',
  ssl_min_protocol_version: 'minVersion',
  ssl_max_protocol_version: 'maxVersion',
};
const OTHERS = [
  'uselibpqcompat',
  'sslcertmode',
  'sslcompression',
  'sslsni',
  'sslnegotiation',
  'ssl_cert_reqs',
];

/**
 * The TLS options from the configuration, or else from the URL's parameters. These have the meaning of libpq and the
 * MySQL client: `require` encrypts, and verifies only if there is a certificate authority to verify with; `verify-ca`
 * verifies the issuer; `verify-full` also the host. Of several, the strictest counts.
 * @param variables the names of the variables that gave some of the parameters
 * @returns false for an unencrypted connection; if `triesTls` allows, that is one of two attempts
 * @throws ConfigError for an unknown parameter or value about TLS, and for a contradiction
 */
export function tlsOptions(
  settings: TlsSettings | null,
  parameters: Parameters,
  variables: Parameters = new Map(),
): TlsOptions | false {
  const level = levelOf(parameters, variables);
  const files = Object.keys(FILES).filter((name) => parameters.has(name));
  const [file] = files;
  if (settings !== null) {
    if (level === 'disable') throw contradiction(level, 'has a tls section');
    if ((level === 'verify-ca' || level === 'verify-full') && !settings.rejectUnauthorized)
      throw contradiction(level, 'says tls.reject_unauthorized = false');
    if (file !== undefined) throw contradiction(file, 'has a tls section as well');
    return {
      rejectUnauthorized: settings.rejectUnauthorized,
      ...(level === 'verify-ca' ? { checkServerIdentity: () => undefined } : {}),
      ...(settings.ca === null ? {} : { ca: settings.ca }),
      ...(settings.cert === null ? {} : { cert: settings.cert }),
      ...(settings.key === null ? {} : { key: settings.key }),
    };
  }
  if (level === undefined || LEVELS.indexOf(level) < LEVELS.indexOf('require')) {
    if (file === undefined || level !== undefined) return false;
    throw new ConfigError(`the database URL has the parameter ${JSON.stringify(file)} without sslmode`, {
      hint: 'Add sslmode=verify-full (ssl-mode=VERIFY_IDENTITY on MySQL), which verifies the server.',
    });
  }
  const certificates = certificatesOf(files, parameters);
  const isSystem = parameters.get('sslrootcert') === 'system';
  const full = level === 'verify-full' || isSystem;
  const verifies = full || level === 'verify-ca' || certificates.ca !== undefined;
  return {
    ...jsonOptions(parameters.get('ssl')),
    ...textsOf(parameters),
    ...certificates,
    rejectUnauthorized: verifies,
    ...(verifies && !full ? { checkServerIdentity: () => undefined } : {}),
  };

  function contradiction(what: string, profile: string): ConfigError {
    const variable = variables.get('sslmode');
    return new ConfigError(
      `${variable ?? 'the database URL'} says ${what}, and the profile ${profile}: the two contradict each other`,
      { hint: `Leave one of them out${variable === undefined ? '' : `: env -u ${variable} sessionctl …`}.` },
    );
  }
}

/** Which attempt with TLS comes first if the value allows connections with and without TLS; null if it does not. */
export function triesTls(parameters: Parameters): 'first' | 'last' | null {
  const level = levelOf(parameters, new Map());
  return level === 'prefer' ? 'first' : level === 'allow' ? 'last' : null;
}

/** The strictest of the TLS parameters. A misspelt value must never lead to an unencrypted connection. */
function levelOf(parameters: Parameters, variables: Parameters): Level | undefined {
  const known = [...[WORDS, FILES, TEXTS].flatMap((names) => Object.keys(names)), ...OTHERS];
  for (const name of parameters.keys()) {
    if (/ssl|tls/i.test(name) && !known.includes(name)) {
      throw new ConfigError(
        `the database URL has the parameter ${JSON.stringify(name)}, which sessionctl does not use`,
        {
          hint: 'Use sslmode=verify-full (ssl-mode=VERIFY_IDENTITY on MySQL). Certificates go into [profiles.<name>.tls].',
        },
      );
    }
  }
  const said = Object.entries(WORDS).flatMap(([name, words]) => {
    const value = parameters.get(name);
    if (value === undefined) return [];
    // mysql2 accepts the TLS options as JSON.
    if (name === 'ssl' && value.startsWith('{')) {
      const { rejectUnauthorized = true, verifyIdentity = true } = jsonOptions(value);
      return [!rejectUnauthorized ? 'require' : verifyIdentity ? 'verify-full' : 'verify-ca'] as const;
    }
    const word = value.toLowerCase().replaceAll('_', '-');
    const level = words[Object.hasOwn(words, word) ? word : value];
    if (level === undefined) throw unknownValue(name, value, variables);
    return [level];
  });
  const strictest = LEVELS.findLast((level) => said.includes(level));
  if (strictest !== undefined && strictest !== 'disable' && said.includes('disable')) {
    throw new ConfigError('the database URL both turns TLS on and turns it off', {
      hint: 'Keep one of sslmode, ssl and sslaccept.',
    });
  }
  return strictest;
}

const JSON_TEXTS = ['ca', 'cert', 'key', 'passphrase', 'minVersion', 'maxVersion'];
const JSON_FLAGS = ['rejectUnauthorized', 'verifyIdentity'];

/** In the form of mysql2. */
interface JsonOptions extends Partial<TlsOptions> {
  readonly verifyIdentity?: boolean;
}

/** @throws ConfigError for an option of Node's TLS that sessionctl does not support */
function jsonOptions(text: string | undefined): JsonOptions {
  if (text?.startsWith('{') !== true) return {};
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    throw new ConfigError('the database URL has ssl={…} with JSON that cannot be read');
  }
  for (const [name, value] of Object.entries(parsed as object)) {
    const known = typeof value === 'boolean' ? JSON_FLAGS : typeof value === 'string' ? JSON_TEXTS : [];
    if (known.includes(name)) continue;
    throw new ConfigError(`the database URL has ssl={…} with ${name}, which sessionctl does not use`, {
      hint: 'Set up TLS in [profiles.<name>.tls].',
    });
  }
  return parsed as JsonOptions;
}

function textsOf(parameters: Parameters): Partial<TlsOptions> {
  return Object.fromEntries(
    Object.entries(TEXTS).flatMap(([name, option]) => {
      const value = parameters.get(name);
      if (value === undefined) return [];
      if (option !== 'passphrase' && !/^TLSv1(?:\.[123])?$/.test(value))
        throw unknownValue(name, value, new Map());
      return [[option, value]];
    }),
  );
}

function certificatesOf(
  files: readonly string[],
  parameters: Parameters,
): Partial<Record<'ca' | 'cert' | 'key', string>> {
  const options = Object.fromEntries(
    files.flatMap((name) => {
      const path = parameters.get(name) ?? '';
      if (name === 'sslrootcert' && path === 'system') return [];
      try {
        return [[FILES[name] ?? name, readFileSync(path, 'utf8')]];
      } catch (error) {
        throw new ConfigError(
          `the database URL has ${name}, and the file cannot be read: ${errorText(error)}`,
        );
      }
    }),
  );
  if ((options['cert'] === undefined) === (options['key'] === undefined)) return options;
  throw new ConfigError(
    'the database URL has a certificate without its key, or a key without its certificate',
    {
      hint: "sslcert is the client's own certificate, as in libpq. For the certificate of the server's authority (sslcert in Prisma) use sslrootcert.",
    },
  );
}

function unknownValue(name: string, value: string, variables: Parameters): ConfigError {
  const variable = variables.get(name);
  const said = variable === undefined ? `the database URL has ${name}=${value}` : `${variable} is ${value}`;
  return new ConfigError(`${said}, which is not a known value`, {
    hint: 'Use one of disable, require, verify-ca and verify-full (DISABLED, REQUIRED, VERIFY_CA, VERIFY_IDENTITY on MySQL).',
  });
}
