import { isAbsolute } from 'node:path';
import type { Environment } from './environment.ts';

/** The user's directory for one kind of files. */
export interface XdgDirectory {
  /** Undefined where nothing says which it is. */
  readonly path: string | undefined;
  /** What to warn of where the variable is set and does not count, else null. */
  readonly warning: string | null;
}

/** The user's directory for one kind of files, such as `XDG_CONFIG_HOME` names it, or the other one. */
export function xdgDirectory(
  env: Environment,
  variable: `XDG_${string}_HOME`,
  otherwise: string | undefined,
): XdgDirectory {
  const configured = env(variable);
  if (configured === undefined) return { path: otherwise, warning: null };
  if (isAbsolute(configured)) return { path: configured, warning: null };
  // The XDG specification has relative paths ignored.
  const instead = otherwise === undefined ? 'nothing is used' : `${otherwise} is used`;
  return {
    path: otherwise,
    warning: `${variable} is a relative path, which does not count: ${instead} in its place`,
  };
}
