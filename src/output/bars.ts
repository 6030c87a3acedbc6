import type { System } from '../system.ts';

/** How quantities are drawn. */
export interface Bars {
  readonly ellipsis: string;
  /** A bar whose length shows the value; the largest value takes this many columns, and more than 0 is never empty. */
  bar(value: number, largest: number, width: number): string;
  /** A column of the screen for each value, higher for larger ones. */
  sparkline(values: readonly number[]): string;
}

/**
 * Whether a terminal shows more than ASCII: not a dumb terminal, nor one whose locale names another character set.
 * Without a locale it is assumed to.
 */
export function understandsUnicode(env: System['env']): boolean {
  const locale = [env['LC_ALL'], env['LC_CTYPE'], env['LANG']].find(
    (value) => value !== undefined && value !== '',
  );
  return env['TERM'] !== 'dumb' && (locale === undefined || /utf-?8/i.test(locale));
}

const EIGHTHS = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉'] as const;
const HEIGHTS = { blocks: ' ▁▂▃▄▅▆▇█', ascii: ' .:-=+*#' } as const;

export function barsFor(unicode: boolean): Bars {
  const heights = unicode ? HEIGHTS.blocks : HEIGHTS.ascii;
  return {
    ellipsis: unicode ? '…' : '...',
    bar(value, largest, width) {
      if (value <= 0 || largest <= 0) return '';
      const parts = Math.max(1, Math.round((value / largest) * width * EIGHTHS.length));
      if (!unicode) return '#'.repeat(Math.max(1, Math.round(parts / EIGHTHS.length)));
      return '█'.repeat(Math.floor(parts / EIGHTHS.length)) + (EIGHTHS[parts % EIGHTHS.length] ?? '');
    },
    sparkline(values) {
      const largest = Math.max(...values, 1);
      return values
        .map(
          (value) =>
            heights[value <= 0 ? 0 : Math.max(1, Math.round((value / largest) * (heights.length - 1)))],
        )
        .join('');
    },
  };
}
