import type { TimeEncoding } from './time-encoding.ts';

export type KeyKind = 'text' | 'uuid' | 'integer';

export interface KeyColumn {
  readonly name: string;
  readonly kind: KeyKind;
}

export interface TimeColumn {
  readonly name: string;
  readonly encoding: TimeEncoding;
}

export interface SessionTable {
  readonly schema: string | null;
  readonly name: string;
  readonly id: KeyColumn;
  readonly userId: KeyColumn;
  readonly token: string;
  readonly expiresAt: TimeColumn;
  readonly createdAt: TimeColumn;
  readonly updatedAt: TimeColumn;
  readonly ipAddress: string | null;
  readonly userAgent: string | null;
  /** Of the admin plugin. */
  readonly impersonatedBy: string | null;
  /** Of the organization plugin. */
  readonly activeOrganizationId: string | null;
}

export interface UserTable {
  readonly schema: string | null;
  readonly name: string;
  readonly id: KeyColumn;
  readonly email: string | null;
  readonly displayName: string | null;
}

/** Where one deployment keeps what Better Auth calls session and user: recognised once, then passed as a value. */
export interface Shape {
  readonly session: SessionTable;
  readonly user: UserTable | null;
}
