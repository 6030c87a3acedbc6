/** The database products that sessionctl knows. MariaDB is one with MySQL. */
export const dialectNames = ['postgresql', 'mysql', 'sqlite'] as const;
export type DialectName = (typeof dialectNames)[number];
