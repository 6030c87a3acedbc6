import { chmodSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { onTestFinished } from 'vitest';

export interface TemporaryDirectory {
  readonly path: string;
  /** Writes a file that only its owner can read, unless the mode says otherwise. @returns its absolute path */
  readonly write: (name: string, content: string | Uint8Array, mode?: number) => string;
}

/** An empty directory that is gone when the test is over. */
export function temporaryDirectory(): TemporaryDirectory {
  const path = realpathSync(mkdtempSync(join(tmpdir(), 'sessionctl-config-')));
  onTestFinished(() => {
    rmSync(path, { recursive: true, force: true });
  });
  return {
    path,
    write: (name, content, mode = 0o600) => {
      const file = join(path, name);
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, content);
      chmodSync(file, mode);
      return file;
    },
  };
}
