import { readFileSync } from 'node:fs';
import type { Dialect } from '../support/servers.ts';

/** What `.ci/compat` has installed. */
export interface Plan {
  readonly mode: 'short' | 'full';
  /** The one that CI runs on comes first. */
  readonly nodes: readonly InstalledNode[];
  /** The newest comes last. */
  readonly releases: readonly InstalledRelease[];
}

export interface InstalledNode {
  readonly major: string;
  /** The directory of its program. */
  readonly path: string;
  /** The directory with sessionctl in its `node_modules`, with what it needs on this Node. */
  readonly sessionctl: string;
}

/** A release of Better Auth. */
export interface InstalledRelease {
  readonly version: string;
  /** The directory of its `load.js`. */
  readonly directory: string;
}

/** One deployment, and the Node that sessionctl runs on. */
export interface Cell {
  readonly node: InstalledNode;
  readonly release: InstalledRelease;
  readonly dialect: Dialect;
  readonly adapter: 'own' | 'drizzle';
  /** Where sessions stand. */
  readonly mode: 'database' | 'both' | 'secondary only';
}

export const nameOf = ({ node, release, dialect, adapter, mode }: Cell) =>
  `Node ${node.major}, Better Auth ${release.version}, ${dialect}, ${adapter} adapter, sessions in ${mode}`;

export function readPlan(): Plan {
  const file = process.env['SESSIONCTL_COMPAT_PLAN'];
  if (file === undefined) throw new Error('`.ci/compat` installs what these tests need, and runs them.');
  return JSON.parse(readFileSync(file, 'utf8')) as Plan;
}

/** The cells of docs/compatibility.md. */
export function cellsOf({ mode, nodes, releases }: Plan): readonly Cell[] {
  const [own, ...otherNodes] = nodes;
  const newest = releases.at(-1);
  if (own === undefined || newest === undefined) throw new Error('nothing is installed');
  const older = releases.slice(0, -1);
  const beside = { release: newest, adapter: 'own', mode: 'both' } as const;
  const alone = { adapter: 'own', mode: 'secondary only', dialect: 'mysql' } as const;
  if (mode === 'full')
    return [
      ...releases.flatMap((release) => everywhere(own, release)),
      ...otherNodes.flatMap((node): Cell[] => [
        { ...beside, node, dialect: 'postgresql' },
        { ...alone, node, release: newest },
        { ...beside, node, dialect: 'sqlite', mode: 'database' },
      ]),
    ];
  // A share that a minute is enough for: of each thing that is installed something, and each place of sessions.
  return [
    ...otherNodes.map((node, at): Cell =>
      at % 2 === 0 ? { ...beside, node, dialect: 'postgresql' } : { ...alone, node, release: newest },
    ),
    ...older.flatMap((release, at): Cell[] =>
      at % 2 === 0
        ? [
            { ...alone, node: own, release },
            { ...alone, node: own, release, mode: 'database' },
          ]
        : [{ ...beside, node: own, release, dialect: 'sqlite' }],
    ),
  ];
}

function everywhere(node: InstalledNode, release: InstalledRelease): readonly Cell[] {
  return (['postgresql', 'mysql', 'sqlite'] as const).flatMap((dialect): Cell[] => [
    { node, release, dialect, adapter: 'own', mode: 'database' },
    { node, release, dialect, adapter: 'own', mode: dialect === 'mysql' ? 'secondary only' : 'both' },
    { node, release, dialect, adapter: 'drizzle', mode: 'database' },
  ]);
}

/** Before 1.1, of two applications in one process one may answer what the other was asked. */
export function needsOwnProcess({ release }: Cell): boolean {
  return release.version.startsWith('1.0.');
}

/** What may run beside each other in one process. */
export function processesOf(plan: Plan): readonly (readonly Cell[])[] {
  const shared = new Map<string, Cell[]>();
  const cells = cellsOf(plan);
  for (const cell of cells) {
    const { version } = cell.release;
    const name = needsOwnProcess(cell) ? `${version} ${String(cells.indexOf(cell))}` : version;
    shared.set(name, [...(shared.get(name) ?? []), cell]);
  }
  return [...shared.values()];
}
