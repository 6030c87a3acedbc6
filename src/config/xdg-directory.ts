import { isAbsolute } from 'node:path';
import type { Environment } from './environment.ts';

/** The user's directory for one kind of files. */
export interface XdgDirectory {
  /** Undefined where the environment does not define it. */
  readonly path: string | undefined;
  /** A warning if the variable is set but ignored, else null. */
  readonly warning: string | null;
}

/** The user's directory for one kind of files, as a variable such as `XDG_CONFIG_HOME` names it, or the default one. */
export function xdgDirectory(
  env: Environment,
  variable: `XDG_${string}_HOME`,
  otherwise: string | undefined,
): XdgDirectory {
  const configured = env(variable);
  if (configured === undefined) return { path: otherwise, warning: null };
  if (isAbsolute(configured)) return { path: configured, warning: null };
  // The XDG specification says to ignore relative paths.
  const instead = otherwise === undefined ? 'no directory is used' : `${otherwise} is used`;
  return {
    path: otherwise,
    warning: `${variable} is a relative path and is ignored: ${instead} instead`,
  };
}
