import { stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { ConnectionError } from '../../../../errors.ts';
import { shownPath } from '../../../../sessions/shown-value.ts';
import type { FileLocation } from '../../connect/database-url.ts';
import { errorCode, errorText } from '../../../refusals.ts';

/** @returns whether the file exists; a file that may be missing needs an existing directory */
export async function checkFile({ path, prismaPath }: FileLocation, mayBeMissing: boolean): Promise<boolean> {
  let found;
  try {
    found = await stat(path);
  } catch (error) {
    if (prismaPath !== null && (await stat(prismaPath).catch(() => null)) !== null) {
      throw new ConnectionError(`cannot open ${shownPath(path)}: there is no such file`, {
        hint: `There is ${prismaPath}: Prisma's paths start from the directory of schema.prisma. Give the URL file:${prismaPath}.`,
      });
    }
    if (mayBeMissing && errorCode(error) === 'ENOENT' && (await isDirectory(dirname(path)))) return false;
    const reason = errorCode(error) === 'ENOENT' ? 'there is no such file' : errorText(error);
    throw new ConnectionError(`cannot open ${shownPath(path)}: ${reason}`, {
      hint: mayBeMissing
        ? 'Check the path: there is no such directory.'
        : `Check the path.${prismaPath === null ? '' : " Prisma's paths start from the directory of schema.prisma, which is not known here."} Only \`sessionctl demo\` and \`sessionctl schema migrate\` make a database.`,
    });
  }
  if (!found.isFile()) {
    throw new ConnectionError(
      `cannot open ${path}: it is a ${found.isDirectory() ? 'directory' : 'special file'}`,
      {
        hint: 'Give the path of the database file itself.',
      },
    );
  }
  return true;
}

async function isDirectory(path: string): Promise<boolean> {
  return (await stat(path).catch(() => null))?.isDirectory() === true;
}
