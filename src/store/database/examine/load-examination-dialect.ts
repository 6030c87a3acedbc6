import type { Target } from '../../../sessions/reading-store.ts';
import type { ExaminationDialect } from '../dialects/examination-dialect.ts';

/** Loads the part of a dialect that only an examination needs. */
export async function loadExaminationDialect({
  dialect,
}: Pick<Target, 'dialect'>): Promise<ExaminationDialect> {
  switch (dialect) {
    case 'postgresql':
      return (await import('../dialects/postgresql/examination.ts')).postgresqlExamination;
    case 'mysql':
      return (await import('../dialects/mysql/examination.ts')).mysqlExamination;
    case 'sqlite':
      return (await import('../dialects/sqlite/examination.ts')).sqliteExamination;
    default:
      return dialect satisfies never;
  }
}
