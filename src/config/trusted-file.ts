import { lstat, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { getuid } from 'node:process';
import type { Stats } from 'node:fs';
import { ConfigError } from '../errors.ts';
import type { Environment } from './environment.ts';

/**
 * A configuration can name commands to run and servers that receive secrets. So a file that was found, not named, is
 * used only if no other user could have written it: the file, and each directory from its own down to the start of the
 * search, must belong to the user, to root or to the user behind sudo, and no other user may write them.
 * @param path of the file that was found
 * @param below the directory where the search began
 * @throws ConfigError naming what is not safe, its owner and mode
 */
export async function insistOnTrusted(path: string, below: string, env: Environment): Promise<void> {
  const uid = getuid?.();
  // Windows has no modes.
  if (uid === undefined) return;
  const trusted = new Set([uid, 0]);
  const sudoUid = Number(env('SUDO_UID'));
  if (uid === 0 && Number.isInteger(sudoUid)) trusted.add(sudoUid);

  const checks = [
    // A link is judged by its owner, and its target separately.
    { place: path, status: await lstat(path) },
    { place: path, status: await stat(path) },
    ...(await Promise.all(
      directoriesBetween(dirname(path), below).map(async (place) => ({ place, status: await stat(place) })),
    )),
  ];
  for (const { place, status } of checks) {
    const fault = faultOf(status, trusted);
    if (fault === null) continue;
    const found = place === path ? '' : `${path} is not used: `;
    throw new ConfigError(`${found}${place} ${fault} (owner ${String(status.uid)}, mode ${modeOf(status)})`, {
      hint: `A configuration can run commands. If you trust it, name it: --config '${path}'. Otherwise change owner and mode.`,
    });
  }
}

function faultOf(status: Stats, trusted: ReadonlySet<number>): string | null {
  if (!trusted.has(status.uid)) return 'belongs to another user';
  // A link has no mode of its own.
  if (status.isSymbolicLink()) return null;
  // In a directory such as /tmp, no other user can replace a file.
  const isSticky = status.isDirectory() && (status.mode & 0o1000) !== 0;
  return isSticky ? null : otherWriters(status);
}

/** Which other users may write a file, in words; null if none may, and on Windows, which has no modes. */
export function otherWriters({ mode, uid, gid }: Stats): string | null {
  if (getuid === undefined) return null;
  if ((mode & 0o002) !== 0) return 'can be written by every user';
  // Many systems give each user a group of their own, with the same number, and let it write.
  return (mode & 0o020) !== 0 && gid !== uid ? 'can be written by its group' : null;
}

function modeOf({ mode }: Stats): string {
  return (mode & 0o7777).toString(8).padStart(4, '0');
}

/** From the directory down to one below it, both included; only the first if the second is not below it. */
function directoriesBetween(directory: string, below: string): readonly string[] {
  const places: string[] = [];
  for (let place = below; place !== directory; place = dirname(place)) {
    if (place === dirname(place)) return [directory];
    places.push(place);
  }
  return [...places, directory];
}
