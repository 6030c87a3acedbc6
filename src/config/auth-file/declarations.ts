import type * as t from '@babel/types';
import { childrenOf, lineOf, nodesIn } from './syntax-tree.ts';

/** The meaning of a name. */
export type Declaration =
  /** `const name = init`, or `const { read: name } = init`. */
  | { readonly kind: 'constant'; readonly init: t.Node; readonly read: string | null }
  /** `exported` is null for a default or a whole module. */
  | { readonly kind: 'import'; readonly module: string; readonly exported: string | null }
  | { readonly kind: 'unclear'; readonly why: string };

export interface Declarations {
  readonly find: (name: string) => Declaration;
  /** The module that a name is imported from, and its name there; null where it is declared in this file. */
  readonly importOf: (name: string) => (Declaration & { readonly kind: 'import' }) | null;
  /** The file declares no such name, or it is Node's own. */
  readonly isGlobal: (name: string) => boolean;
}

/**
 * The names of a file. A name is unclear if it is declared twice, even in different places, or if its value, or a part
 * of it, is replaced later: following scopes and the order of execution would amount to running the file.
 */
export function declarationsOf(file: t.File): Declarations {
  const found = new Map<string, Declaration>();
  const declare = (name: string, declaration: Declaration) => {
    found.set(
      name,
      found.has(name) ? { kind: 'unclear', why: 'a name that is declared more than once' } : declaration,
    );
  };
  const changes = new Map<string, number>();
  for (const node of nodesIn(file)) {
    switch (node.type) {
      case 'ImportDeclaration':
        for (const specifier of node.specifiers) {
          const exported = specifier.type === 'ImportSpecifier' ? nameOf(specifier.imported) : null;
          declare(specifier.local.name, {
            kind: 'import',
            module: node.source.value,
            exported: exported === 'default' ? null : exported,
          });
        }
        break;
      case 'VariableDeclaration':
        for (const { id, init } of node.declarations)
          declareVariable(id, init ?? null, node.kind === 'const', declare);
        break;
      case 'FunctionDeclaration':
        if (node.id) declare(node.id.name, { kind: 'constant', init: node, read: null });
        declareParameters(node.params, declare);
        break;
      case 'ClassDeclaration':
        if (node.id) declare(node.id.name, { kind: 'unclear', why: 'which is a class' });
        break;
      case 'TSEnumDeclaration':
        declare(node.id.name, { kind: 'unclear', why: 'which is an enumeration' });
        break;
      case 'ArrowFunctionExpression':
      case 'FunctionExpression':
      case 'ObjectMethod':
      case 'ClassMethod':
        declareParameters(node.params, declare);
        break;
      case 'CatchClause':
        if (node.param) declareParameters([node.param], declare);
        break;
      case 'AssignmentExpression':
        noteChange(node.left, changes);
        break;
      case 'UpdateExpression':
        noteChange(node.argument, changes);
        break;
      case 'UnaryExpression':
        if (node.operator === 'delete') noteChange(node.argument, changes);
        break;
      case 'CallExpression':
        noteChange(changedBy(node), changes);
        break;
      default:
    }
  }
  const find = (name: string): Declaration => {
    const line = changes.get(name);
    if (line !== undefined && name !== 'process')
      return { kind: 'unclear', why: `which is changed in line ${String(line)}` };
    return found.get(name) ?? { kind: 'unclear', why: 'which is declared nowhere in the file' };
  };
  const importOf: Declarations['importOf'] = (name) => {
    const declaration = find(name);
    if (declaration.kind === 'import') return declaration;
    // `const { Pool } = pg`, where `pg` is a module that exports everything as one.
    if (
      declaration.kind !== 'constant' ||
      declaration.read === null ||
      declaration.init.type !== 'Identifier'
    )
      return null;
    const whole = declaration.init.name === name ? null : importOf(declaration.init.name);
    return whole === null ? null : { ...whole, exported: declaration.read };
  };
  return {
    find,
    importOf,
    isGlobal: (name) => {
      const declaration = found.get(name);
      return (
        declaration === undefined ||
        (declaration.kind === 'import' && /^(?:node:)?process$/.test(declaration.module))
      );
    },
  };
}

type Declare = (name: string, declaration: Declaration) => void;

function declareVariable(id: t.Node, init: t.Node | null, isConstant: boolean, declare: Declare): void {
  if (init === null || !isConstant) {
    declareParameters([id], declare, 'a variable that may change');
  } else if (id.type === 'Identifier') {
    declare(id.name, required(init) ?? { kind: 'constant', init, read: null });
  } else if (id.type === 'ObjectPattern' && id.properties.every(isPlain)) {
    for (const property of id.properties) {
      if (property.type !== 'ObjectProperty' || property.value.type !== 'Identifier') continue;
      const { value, key } = property;
      const module = required(init);
      declare(
        value.name,
        module === null
          ? { kind: 'constant', init, read: nameOf(key) }
          : { ...module, exported: nameOf(key) },
      );
    }
  } else {
    declareParameters([id], declare, 'which is taken apart from something else');
  }
}

function isPlain(property: t.ObjectProperty | t.RestElement): boolean {
  return property.type === 'ObjectProperty' && !property.computed && property.value.type === 'Identifier';
}

/** `require('module')`. */
function required(init: t.Node): (Declaration & { readonly kind: 'import' }) | null {
  if (init.type !== 'CallExpression' || init.callee.type !== 'Identifier' || init.callee.name !== 'require')
    return null;
  const [module] = init.arguments;
  return module?.type === 'StringLiteral' ? { kind: 'import', module: module.value, exported: null } : null;
}

function declareParameters(
  patterns: readonly t.Node[],
  declare: Declare,
  why = 'which is a parameter',
): void {
  for (const pattern of patterns) {
    if (pattern.type === 'Identifier') declare(pattern.name, { kind: 'unclear', why });
    else if (!pattern.type.startsWith('TS')) declareParameters(childrenOf(pattern), declare, why);
  }
}

/** `a.b.c = …` changes `a`. */
function noteChange(target: t.Node | null, changes: Map<string, number>): void {
  const root = target === null ? null : rootOf(target);
  if (target !== null && root !== null) changes.set(root, lineOf(target));
}

function rootOf(node: t.Node): string | null {
  if (node.type === 'Identifier') return node.name;
  if (node.type === 'MemberExpression' || node.type === 'OptionalMemberExpression')
    return rootOf(node.object);
  return node.type === 'TSNonNullExpression' || node.type === 'TSAsExpression'
    ? rootOf(node.expression)
    : null;
}

/** The variable that a call changes: `Object.assign` and similar functions, or a method that changes an array. */
function changedBy({ callee, arguments: [first] }: t.CallExpression): t.Node | null {
  if (callee.type !== 'MemberExpression') return null;
  const method = nameOf(callee.property);
  if (['push', 'unshift', 'splice', 'pop', 'shift'].includes(method)) return callee.object;
  const isObject = callee.object.type === 'Identifier' && callee.object.name === 'Object';
  return isObject && ['assign', 'defineProperty', 'defineProperties'].includes(method)
    ? (first ?? null)
    : null;
}

function nameOf(node: t.Node): string {
  if (node.type === 'Identifier') return node.name;
  return node.type === 'StringLiteral' ? node.value : '';
}
