/** The beginning of the identifier of a trusted device. */
export const TRUSTED = 'trust-device-';

/**
 * Better Auth's own lock, whose value is also a user's id (better-auth 1.7.25, `db/revoke-unproven-account-access`).
 */
export const LOCK = 'revoke-unproven-account-access:';

/** The e-mail address or user id that a verification is for; null where it is for neither. */
export function addresseeOf(identifier: string, value: string): string | null {
  const [, type, rest] =
    /^(sign-in|email-verification|forget-password|change-email)-otp-(.+)$/.exec(identifier) ?? [];
  if (rest !== undefined) return type === 'change-email' ? (rest.split(':')[0] ?? null) : rest;
  try {
    const { type: kind, email, ...others } = JSON.parse(value) as Readonly<Record<string, unknown>>;
    // Earlier releases name no kind, and their identifier is only the token.
    const isEarly =
      kind === undefined && /^[\w-]+$/.test(identifier) && Object.keys(others).every((key) => key === 'name');
    // Better Auth looks the address up in lower case.
    return (kind === 'magic-link' || isEarly) && typeof email === 'string' ? email.toLowerCase() : null;
  } catch {
    return null;
  }
}
