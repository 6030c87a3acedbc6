/** HMAC-SHA256, with which better-call 1.4 signs cookies (`makeSignature`) and Better Auth its cached copies. */
const algorithm = { name: 'HMAC', hash: 'SHA-256' } as const;

/** @returns the signature of a text in padded base64, as it follows the token in a cookie */
export async function signatureOf(text: string, secret: string): Promise<string> {
  const signature = await crypto.subtle.sign(algorithm, await keyOf(secret), bytesOf(text));
  return btoa(String.fromCharCode(...new Uint8Array(signature)));
}

/**
 * Whether a text was signed with the secret. The time that it takes reveals nothing about the signature.
 * @param signature base64 or base64url, with or without padding; false for anything else
 */
export async function isSignedWith(text: string, signature: string, secret: string): Promise<boolean> {
  const bytes = base64Bytes(signature);
  return bytes !== null && crypto.subtle.verify(algorithm, await keyOf(secret), bytes, bytesOf(text));
}

/** The secret that made a signature: the present one, a former one, or none. */
export async function signerOf(
  text: string,
  signature: string,
  { secret, formerSecrets }: { readonly secret: string; readonly formerSecrets: readonly string[] },
): Promise<'present' | 'former' | null> {
  if (await isSignedWith(text, signature, secret)) return 'present';
  for (const former of formerSecrets) if (await isSignedWith(text, signature, former)) return 'former';
  return null;
}

/** The first 12 hexadecimal digits of the token's SHA-256. */
export async function tokenFingerprint(token: string): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', bytesOf(token));
  return [...new Uint8Array(digest).subarray(0, 6)]
    .map((byte) => byte.toString(16).padStart(2, '0'))
    .join('');
}

/** @returns null where the text is not base64 */
export function base64Bytes(text: string): Uint8Array<ArrayBuffer> | null {
  if (!/^[\w+/-]+={0,2}$/.test(text)) return null;
  try {
    const plain = atob(text.replace(/=+$/, '').replaceAll('-', '+').replaceAll('_', '/'));
    return Uint8Array.from(plain, (character) => character.charCodeAt(0));
  } catch {
    return null;
  }
}

function keyOf(secret: string) {
  return crypto.subtle.importKey('raw', bytesOf(secret), algorithm, false, ['sign', 'verify']);
}

function bytesOf(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text);
}
