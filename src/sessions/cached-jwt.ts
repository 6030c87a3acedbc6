/** An opened copy of the strategies `jwt` and `jwe`. */
export interface OpenedJwt {
  readonly payload: Readonly<Record<string, unknown>>;
  /** Which secret it was signed with; `unchecked` where that is unknown. */
  readonly signer: 'present' | 'former' | 'unchecked';
}

interface Secrets {
  readonly secret: string | null;
  readonly formerSecrets: readonly string[];
}

/**
 * Opens a signed copy: HS256 with the secret itself. With the JWT plugin an application may sign with its own key,
 * which sessionctl does not know (better-auth 1.7.25, `crypto/jwt`, `cookieCacheSigner`).
 * @returns null if it is not such a copy, or no secret fits
 */
export async function openSigned(
  value: string,
  { secret, formerSecrets }: Secrets,
): Promise<OpenedJwt | null> {
  const { compactVerify, decodeJwt, decodeProtectedHeader } = await import('jose');
  try {
    if (secret === null || decodeProtectedHeader(value).alg !== 'HS256')
      return { payload: decodeJwt(value), signer: 'unchecked' };
  } catch {
    return null;
  }
  for (const one of [secret, ...formerSecrets]) {
    try {
      const { payload } = await compactVerify(value, new TextEncoder().encode(one));
      return { payload: parsed(payload), signer: one === secret ? 'present' : 'former' };
    } catch {
      // Try the next secret.
    }
  }
  return null;
}

/**
 * Opens an encrypted copy. Like Better Auth, it also tries former secrets.
 * @returns null if it is not such a copy, or no secret fits
 */
export async function openEncrypted(
  value: string,
  { secret, formerSecrets }: Secrets,
): Promise<OpenedJwt | null> {
  const { compactDecrypt } = await import('jose');
  for (const one of [...(secret === null ? [] : [secret]), ...formerSecrets]) {
    try {
      const { plaintext } = await compactDecrypt(value, await encryptionKey(one));
      return { payload: parsed(plaintext), signer: 'present' };
    } catch {
      // Try the next secret.
    }
  }
  return null;
}

/** The same as `deriveEncryptionSecret` of better-auth 1.7.25, with the salt of the cookie cache. */
async function encryptionKey(secret: string): Promise<Uint8Array> {
  const bytes = (text: string) => new TextEncoder().encode(text);
  const key = await crypto.subtle.importKey('raw', bytes(secret), 'HKDF', false, ['deriveBits']);
  const how = {
    name: 'HKDF',
    hash: 'SHA-256',
    salt: bytes('better-auth-session'),
    info: bytes('BetterAuth.js Generated Encryption Key'),
  };
  return new Uint8Array(await crypto.subtle.deriveBits(how, key, 512));
}

function parsed(bytes: Uint8Array): Readonly<Record<string, unknown>> {
  const value: unknown = JSON.parse(new TextDecoder().decode(bytes));
  if (typeof value !== 'object' || value === null) throw new Error('not an object');
  return value as Readonly<Record<string, unknown>>;
}
