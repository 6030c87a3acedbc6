import { access, constants, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { reasonOf } from '../../config/config-file.ts';
import { FailedError } from '../../errors.ts';
import type { SweepFigures } from '../../output/sweep-metrics.ts';
import { readRegularFile, UnsuitableFileError } from '../../regular-file.ts';
import { replaceFile } from '../../replace-file.ts';

/** The collector of metrics runs as another user; the figures hold no secrets. */
const MODE = 0o644;

/** A file that a collector of metrics may read at any moment. */
export interface MetricsFile {
  /** Replaces the figures atomically. @throws FailedError */
  write(figures: SweepFigures): Promise<void>;
}

/** Checks that the figures can be written, before anything is done. @throws FailedError */
export async function openMetricsFile(given: string, cwd: string): Promise<MetricsFile> {
  const path = resolve(cwd, given);
  try {
    // A new file replaces the old one, so it is the directory that has to be writable.
    await access(dirname(path), constants.W_OK);
    const existing = await stat(path).catch(() => null);
    if (existing !== null && !existing.isFile())
      throw new UnsuitableFileError(
        existing.isDirectory() ? 'it is a directory' : 'it is not a regular file',
      );
  } catch (error) {
    throw unwritable(path, error, 'Nothing was deleted. Check --metrics-file.');
  }
  return {
    async write(figures) {
      const { sweepMetrics } = await import('../../output/sweep-metrics.ts');
      try {
        await replaceFile(path, sweepMetrics(figures, await contentOf(path)), MODE);
      } catch (error) {
        throw unwritable(path, error, 'The sweep itself is not affected.');
      }
    },
  };
}

async function contentOf(path: string): Promise<string> {
  return readRegularFile(path).then(String, () => '');
}

function unwritable(path: string, error: unknown, hint: string): FailedError {
  return new FailedError(`the metrics file ${path} cannot be written: ${reasonOf(error)}`, {
    hint,
    cause: error,
  });
}
