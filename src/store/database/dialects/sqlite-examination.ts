import { access, constants } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { ExaminationDialect } from './examination-dialect.ts';

export const sqliteExamination: ExaminationDialect = {
  plan: null,

  async findReadOnly(knex) {
    const databases =
      await knex.raw<readonly { readonly name: string; readonly file: string }[]>('PRAGMA database_list');
    const file = databases.find(({ name }) => name === 'main')?.file ?? '';
    const mayWrite = (path: string) =>
      access(path, constants.W_OK).then(
        () => true,
        () => false,
      );
    if (!(await mayWrite(file))) return 'this user may not write the file';
    // The journal stands beside it.
    return (await mayWrite(dirname(file))) ? null : 'this user may not write the directory of the file';
  },

  grant: () => Promise.resolve(null),
  seeAllRows: () => Promise.resolve(null),
  keepColumn: () => Promise.resolve(null),
};
