import { platform } from 'node:os';
import { join } from 'node:path';
import { reasonOf } from '../config/config-file.ts';
import { environmentOf } from '../config/environment.ts';
import { xdgDirectory } from '../config/xdg-directory.ts';
import { FailedError } from '../errors.ts';
import { readRegularFile } from '../regular-file.ts';
import { toInstant } from '../sessions/instant.ts';
import type { System } from '../system.ts';
import { version } from '../version.ts';
import type { HistoryContent, HistoryLine } from './history-chain.ts';
import type { HistoryEntry, HistoryRecord } from './history-record.ts';

/** The operator's own record of sessionctl's changes, in an append-only file. */
export interface History {
  /** Where the file is. */
  readonly path: string;
  /** A warning if the path differs from the environment's setting, else null. */
  readonly warning: string | null;
  /**
   * Appends one record, durable when it returns.
   * @throws FailedError
   */
  append(entry: HistoryEntry): Promise<HistoryRecord>;
  /**
   * Every readable record, and all problems. A missing file is not a problem.
   * @throws FailedError
   */
  read(): Promise<HistoryContent>;
  /**
   * As `read`, with the problems that a comparison with the database's own history finds.
   * @param kept its newest records, newest first
   * @throws FailedError
   */
  compare(kept: readonly HistoryRecord[]): Promise<HistoryContent>;
}

/**
 * The history of the operator who runs this. Nothing is loaded, opened or created before it is used.
 * @throws FailedError where the environment does not define a place for such a file
 */
export function openHistory(system: System): History {
  const { path: state, warning } = stateDirectory(system);
  const path = join(state, 'sessionctl', 'history.jsonl');
  return {
    path,
    warning,
    append: async (entry) => {
      const { appendRecord } = await import('./append-record.ts');
      return appendRecord(path, entry, () => ({
        at: toInstant(system.now()),
        operator: system.operator(),
        version,
      }));
    },
    read: async () => {
      const { followChain } = await import('./history-chain.ts');
      return followChain(await readLines(path));
    },
    compare: async (kept) => {
      const [{ followChain }, { compareWithDatabase }] = await Promise.all([
        import('./history-chain.ts'),
        import('./compare-with-database.ts'),
      ]);
      const lines = await readLines(path);
      return compareWithDatabase(followChain(lines), kept, system.operator(), lines.length + 1);
    },
  };
}

/** Bytes: about a million records. */
const LARGEST_HISTORY = 1_000_000_000;

function stateDirectory(system: System): { readonly path: string; readonly warning: string | null } {
  const env = environmentOf(system.env);
  const home = env('HOME');
  const underHome = home && join(home, '.local', 'state');
  const otherwise = platform() === 'win32' ? (env('LOCALAPPDATA') ?? underHome) : underHome;
  const { path, warning } = xdgDirectory(env, 'XDG_STATE_HOME', otherwise);
  if (path !== undefined) return { path, warning };
  throw new FailedError('there is no place for the history: neither HOME nor XDG_STATE_HOME is set', {
    hint: 'Set XDG_STATE_HOME to an absolute path, such as /var/lib.',
  });
}

async function readLines(path: string): Promise<readonly HistoryLine[]> {
  const { splitLines } = await import('./history-chain.ts');
  try {
    return splitLines(await readRegularFile(path, LARGEST_HISTORY));
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
    throw new FailedError(`the history ${path} cannot be read: ${reasonOf(error)}`, { cause: error });
  }
}
