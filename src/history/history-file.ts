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
import type { HistoryPlace } from './append-record.ts';
import type { HistoryContent, HistoryProblem } from './history-chain.ts';
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
   * The problems: empty where no record was changed and none is missing.
   * @throws FailedError
   */
  verify(): Promise<readonly HistoryProblem[]>;
}

/**
 * The history of the operator who runs this. Nothing is loaded, opened or created before it is used.
 * @throws FailedError where the environment does not define a place for such a file
 */
export function openHistory(system: System): History {
  const { path: state, warning } = stateDirectory(system);
  const directory = join(state, 'sessionctl');
  const place: HistoryPlace = {
    path: join(directory, 'history.jsonl'),
    headPath: join(directory, 'history.head'),
  };
  const read = () => readHistory(place);
  return {
    path: place.path,
    warning,
    append: async (entry) => {
      const { appendRecord } = await import('./append-record.ts');
      return appendRecord(place, entry, () => ({
        at: toInstant(system.now()),
        operator: system.operator(),
        version,
      }));
    },
    read,
    verify: async () => (await read()).problems,
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

async function readHistory({ path, headPath }: HistoryPlace): Promise<HistoryContent> {
  const { followChain, splitLines } = await import('./history-chain.ts');
  const { readHead } = await import('./history-head.ts');
  try {
    for (;;) {
      // In this order: a record appended in between is ahead of the head, which is not a problem.
      const head = await readHead(headPath);
      const content = await contentOf(path);
      // Another run has just created it.
      if (head === 'absent' && content.length > 0 && (await readHead(headPath)) !== 'absent') continue;
      return followChain(splitLines(content), head);
    }
  } catch (error) {
    throw new FailedError(`the history ${path} cannot be read: ${reasonOf(error)}`, { cause: error });
  }
}

async function contentOf(path: string): Promise<Uint8Array> {
  try {
    return await readRegularFile(path, LARGEST_HISTORY);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return new Uint8Array();
    throw error;
  }
}
