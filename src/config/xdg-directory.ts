import { isAbsolute } from 'node:path';
import type { Environment } from './environment.ts';

/** The user's directory for one kind of files, such as `XDG_CONFIG_HOME` names it, or the other one. */
export function xdgDirectory(
  env: Environment,
  variable: `XDG_${string}_HOME`,
  otherwise: string | undefined,
): string | undefined {
  const configured = env(variable);
  // The XDG specification has relative paths ignored.
  return configured !== undefined && isAbsolute(configured) ? configured : otherwise;
}
