import type * as t from '@babel/types';

/** From 1. */
export function lineOf(node: t.Node): number {
  return node.loc?.start.line ?? 1;
}

/** The nodes directly below one. */
export function childrenOf(node: t.Node): readonly t.Node[] {
  return Object.entries(node).flatMap(([key, value]: [string, unknown]) => {
    if (key === 'loc' || key.endsWith('Comments')) return [];
    return (Array.isArray(value) ? value : [value]).filter(isNode);
  });
}

function isNode(value: unknown): value is t.Node {
  return typeof value === 'object' && value !== null && 'type' in value && typeof value.type === 'string';
}

/** The node and everything below it. */
export function* nodesIn(node: t.Node): Generator<t.Node> {
  yield node;
  for (const child of childrenOf(node)) yield* nodesIn(child);
}
