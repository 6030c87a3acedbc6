export type Origin =
  | { readonly kind: 'flag'; readonly name: string }
  | { readonly kind: 'variable'; readonly name: string }
  | {
      readonly kind: 'file';
      readonly path: string;
      readonly line: number;
      /** The file that a variable of the value came from. */
      readonly envFile?: string;
    }
  | { readonly kind: 'default' };

export function describeOrigin(origin: Origin): string {
  switch (origin.kind) {
    case 'flag':
      return `flag ${origin.name}`;
    case 'variable':
      return `variable ${origin.name}`;
    case 'file':
      return `${origin.path}:${String(origin.line)}${origin.envFile === undefined ? '' : ` with ${origin.envFile}`}`;
    case 'default':
      return 'default';
    default:
      return origin satisfies never;
  }
}
