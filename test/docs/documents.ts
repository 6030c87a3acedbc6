import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = new URL('../../', import.meta.url);

/** A fenced block of a page. */
export interface Block {
  /** Such as `docs/cron.md:17`. */
  readonly place: string;
  readonly page: string;
  /** Behind the fence, such as `sh`. */
  readonly language: string;
  readonly text: string;
  /** The heading that it stands below. */
  readonly heading: string;
  /** The words between that heading, or the block before, and this one. */
  readonly above: string;
  /** What `<!-- not run: … -->` right above it says, else undefined. */
  readonly notRun: string | undefined;
}

/** Generated from the program, and judged where it is made. */
const generated: readonly string[] = ['docs/reference.md', 'docs/compatibility.md'];

/** Every page that users read, by its path. */
export const pages: readonly string[] = [
  'README.md',
  ...readdirSync(new URL('docs/', root))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`)
    .filter((page) => !generated.includes(page)),
];

export function readPage(page: string): string {
  return readFileSync(fileURLToPath(new URL(page, root)), 'utf8');
}

/** The fenced blocks of a page, in order. */
export function blocksOf(page: string): readonly Block[] {
  const text = readPage(page);
  return [...text.matchAll(/^( *)```(\w*)\n([\s\S]*?)^\1```$/gm)].map((match): Block => {
    const before = text.slice(0, match.index).trimEnd();
    const line = text.slice(0, match.index).split('\n').length;
    return {
      place: `${page}:${String(line)}`,
      page,
      language: match[2] ?? '',
      text: match[3] ?? '',
      heading: [...before.matchAll(/^#{1,4} (.*)$/gm)].at(-1)?.[1] ?? '',
      above: before.split(/^ *```$|^#{1,4} .*$/m).at(-1) ?? '',
      notRun: /<!-- not run: ([^>]+) -->$/.exec(before)?.[1],
    };
  });
}

/** The rows of each table of a page that stands below a heading `### …`: the cells of each row without the header's. */
export function tablesBelowHeadings(page: string): ReadonlyMap<string, readonly (readonly string[])[]> {
  const sections = readPage(page).split(/^#{2,3} /m);
  return new Map(
    sections.map((section) => {
      const [title = '', ...lines] = section.split('\n');
      const rows = lines
        .filter((line) => line.startsWith('|'))
        .slice(2)
        .map((line) =>
          line
            .slice(1, -1)
            .split(/(?<!\\)\|/)
            .map((cell) => cell.trim()),
        );
      return [title.replaceAll('`', ''), rows];
    }),
  );
}
