import type * as t from '@babel/types';
import { escapeReferences } from '../references.ts';
import { declarationsOf, type Declarations } from './declarations.ts';
import type { KnownValue, ObjectValue, ParameterUse, StaticValue, UnknownValue } from './static-value.ts';
import { childrenOf, lineOf } from './syntax-tree.ts';

/** Constants that refer to each other deeper than this form a circle. */
const DEEPEST = 50;

/** Reads expressions of one file. */
export type Evaluate = (node: t.Node) => StaticValue;

/** Executes nothing: a value that the text of the file does not determine is unknown, with the reason. */
export function createEvaluator(file: t.File): { readonly evaluate: Evaluate; readonly names: Declarations } {
  const names = declarationsOf(file);
  let depth = 0;

  const evaluate: Evaluate = (node) => {
    if (depth >= DEEPEST) return unknown(node, 'refers to itself');
    depth += 1;
    try {
      return evaluated(node);
    } finally {
      depth -= 1;
    }
  };

  function evaluated(node: t.Node): StaticValue {
    switch (node.type) {
      case 'StringLiteral':
      case 'NumericLiteral':
      case 'BooleanLiteral':
        return known(node, node.value);
      case 'NullLiteral':
        return known(node, null);
      case 'TSAsExpression':
      case 'TSSatisfiesExpression':
      case 'TSNonNullExpression':
      case 'TSTypeAssertion':
      case 'ParenthesizedExpression':
        return evaluate(node.expression);
      case 'AwaitExpression':
        return evaluate(node.argument);
      case 'TemplateLiteral':
        return template(node);
      case 'UnaryExpression':
        return unary(node);
      case 'BinaryExpression':
        return binary(node);
      case 'LogicalExpression':
        return logical(node);
      case 'ConditionalExpression':
        return conditional(node);
      case 'Identifier':
        return identifier(node);
      case 'MemberExpression':
      case 'OptionalMemberExpression':
        return member(node);
      case 'ObjectExpression':
        return object(node);
      case 'ArrayExpression':
        return {
          kind: 'array',
          items: node.elements.flatMap((item) => (item === null ? [] : arrayItem(item))),
          line: lineOf(node),
        };
      case 'CallExpression':
      case 'OptionalCallExpression':
      case 'NewExpression':
        return call(node);
      case 'ArrowFunctionExpression':
      case 'FunctionExpression':
      case 'FunctionDeclaration':
      case 'ObjectMethod':
        return { kind: 'function', uses: () => usesOfParameter(node), line: lineOf(node) };
      default:
        return unknown(node, 'is no plain value');
    }
  }

  function arrayItem(node: t.Expression | t.SpreadElement): readonly StaticValue[] {
    if (node.type !== 'SpreadElement') return [evaluate(node)];
    const spread = evaluate(node.argument);
    return spread.kind === 'array' ? spread.items : [unknown(node, 'is added by a spread')];
  }

  function identifier(node: t.Identifier): StaticValue {
    const { name } = node;
    if (name === 'undefined') return known(node, undefined);
    const found = names.find(name);
    switch (found.kind) {
      case 'constant':
        return found.read === null ? evaluate(found.init) : at(node, propertyOf(found.init, found.read));
      case 'import':
        return unknown(node, `comes from ${JSON.stringify(found.module)}, which is not read`);
      case 'unclear':
        return unknown(node, `comes from ${name}, ${found.why}`);
      default:
        return found satisfies never;
    }
  }

  function member(node: t.MemberExpression | t.OptionalMemberExpression): StaticValue {
    const key = keyOf(node.property, node.computed);
    if (key === null) return unknown(node, 'is looked up under a name that is computed');
    return at(node, propertyOf(node.object, key));
  }

  /** `object.key`. */
  function propertyOf(object: t.Node, key: string): StaticValue {
    if (isEnvironment(object)) return { kind: 'reference', text: `\${${key}}`, line: lineOf(object) };
    const value = evaluate(object);
    if (value.kind === 'unknown') return value;
    if (value.kind !== 'object') return unknown(object, `is ${key} of something that is not read`);
    const entry = value.entries.get(key);
    if (entry !== undefined) return entry;
    return value.openAt === null
      ? known(object, undefined)
      : unknown(object, `may come from the spread in line ${String(value.openAt)}`);
  }

  /** `process.env`, `Bun.env`, `import.meta.env`. */
  function isEnvironment(node: t.Node): boolean {
    if (node.type === 'TSNonNullExpression') return isEnvironment(node.expression);
    if (node.type !== 'MemberExpression' || keyOf(node.property, node.computed) !== 'env') return false;
    const { object } = node;
    if (object.type === 'MetaProperty') return true;
    return (
      object.type === 'Identifier' && ['process', 'Bun'].includes(object.name) && names.isGlobal(object.name)
    );
  }

  function object(node: t.ObjectExpression): ObjectValue {
    const entries = new Map<string, StaticValue>();
    let openAt: number | null = null;
    for (const property of node.properties) {
      if (property.type === 'SpreadElement') {
        const spread = evaluate(property.argument);
        if (spread.kind === 'object' && spread.openAt === null) {
          for (const [key, value] of spread.entries) entries.set(key, value);
          continue;
        }
      } else {
        const key = keyOf(property.key, property.computed);
        if (key !== null) {
          entries.set(key, property.type === 'ObjectMethod' ? methodOf(property) : evaluate(property.value));
          continue;
        }
      }
      // This spread may replace everything before it.
      openAt = lineOf(property);
      for (const [key, value] of entries)
        entries.set(key, {
          kind: 'unknown',
          why: `may be replaced in line ${String(openAt)}`,
          line: value.line,
          candidates: [value],
        });
    }
    return { kind: 'object', entries, openAt, line: lineOf(node) };
  }

  function methodOf(node: t.ObjectMethod): StaticValue {
    return node.kind === 'method' ? evaluate(node) : unknown(node, 'is computed by a getter');
  }

  function call(node: t.CallExpression | t.OptionalCallExpression | t.NewExpression): StaticValue {
    const args = node.arguments.map((argument) =>
      argument.type === 'SpreadElement' ? unknown(argument, 'is added by a spread') : evaluate(argument),
    );
    const { callee } = node;
    const line = lineOf(node);
    if (callee.type === 'Identifier') {
      const imported = names.importOf(callee.name);
      const name = imported?.exported ?? callee.name;
      return { kind: 'call', name, module: imported?.module ?? null, of: null, args, line };
    }
    if (callee.type !== 'MemberExpression' && callee.type !== 'OptionalMemberExpression')
      return unknown(node, 'is made by a call, which is not run');
    const name = keyOf(callee.property, callee.computed) ?? '';
    const module =
      callee.object.type === 'Identifier' ? (names.importOf(callee.object.name)?.module ?? null) : null;
    return { kind: 'call', name, module, of: module === null ? evaluate(callee.object) : null, args, line };
  }

  function template(node: t.TemplateLiteral): StaticValue {
    const parts = node.quasis.flatMap((quasi, index) => {
      const expression = node.expressions[index];
      const text = known(quasi, quasi.value.cooked ?? '');
      return expression === undefined ? [text] : [text, evaluate(expression)];
    });
    return parts.reduce((left, right) => joined(node, left, right), known(node, ''));
  }

  function unary(node: t.UnaryExpression): StaticValue {
    const value = evaluate(node.argument);
    if (value.kind === 'unknown') return value;
    if (value.kind === 'known') {
      if (node.operator === '!') return known(node, !value.value);
      if (node.operator === 'void') return known(node, undefined);
      if (typeof value.value === 'number' && node.operator === '-') return known(node, -value.value);
      if (typeof value.value === 'number' && node.operator === '+') return value;
    }
    return unknown(node, 'is computed');
  }

  function binary(node: t.BinaryExpression): StaticValue {
    const [left, right] = [evaluate(node.left), evaluate(node.right)];
    if (left.kind === 'unknown') return left;
    if (right.kind === 'unknown') return right;
    if (left.kind === 'known' && right.kind === 'known') {
      const [a, b] = [left.value, right.value];
      if (typeof a === 'number' && typeof b === 'number') {
        const compute = arithmetic[node.operator];
        if (compute !== undefined) return known(node, compute(a, b));
      }
    }
    if (node.operator === '+' && (isText(left) || isText(right))) return joined(node, left, right);
    return unknown(node, left.kind === 'reference' || right.kind === 'reference' ? DEPENDS : 'is computed');
  }

  function logical(node: t.LogicalExpression): StaticValue {
    const left = evaluate(node.left);
    if (left.kind === 'known') {
      const isMissing = left.value === null || left.value === undefined;
      if (node.operator === '??') return isMissing ? evaluate(node.right) : left;
      if (node.operator === '||') return left.value ? left : evaluate(node.right);
      return left.value ? evaluate(node.right) : left;
    }
    if (left.kind === 'unknown') return left;
    if (node.operator !== '&&' && left.kind === 'reference') return left;
    return left.kind === 'reference' ? unknown(node, DEPENDS) : unknown(node, 'is computed');
  }

  function conditional(node: t.ConditionalExpression): StaticValue {
    const test = evaluate(node.test);
    if (test.kind === 'known') return evaluate(test.value ? node.consequent : node.alternate);
    const [yes, no] = [evaluate(node.consequent), evaluate(node.alternate)];
    if (yes.kind === 'known' && no.kind === 'known' && yes.value === no.value) return yes;
    return { ...unknown(node, 'depends on a condition'), candidates: [yes, no] };
  }

  /** The calls in a function that receive its first parameter as their first argument. */
  function usesOfParameter(
    node: t.ArrowFunctionExpression | t.FunctionExpression | t.FunctionDeclaration | t.ObjectMethod,
  ): readonly ParameterUse[] {
    const [parameter] = node.params;
    if (parameter?.type !== 'Identifier') return [];
    const { name } = parameter;
    const uses: ParameterUse[] = [];
    const visit = (inner: t.Node) => {
      if (
        (inner.type === 'CallExpression' || inner.type === 'OptionalCallExpression') &&
        (inner.callee.type === 'MemberExpression' || inner.callee.type === 'OptionalMemberExpression')
      ) {
        const [first] = inner.arguments;
        if (first !== undefined && mentions(first, name))
          uses.push({
            of: evaluate(inner.callee.object),
            prefix: prefixBefore(first, name),
            line: lineOf(inner),
          });
      }
      for (const child of childrenOf(inner)) visit(child);
    };
    visit(node.body);
    return uses;
  }

  /** The text that precedes a parameter at the end of a text. */
  function prefixBefore(node: t.Node, name: string): string | null {
    if (node.type === 'Identifier') return node.name === name ? '' : null;
    if (node.type === 'BinaryExpression' && node.operator === '+')
      return prefixed(evaluate(node.left), node.right, name);
    if (node.type === 'TemplateLiteral' && node.quasis.at(-1)?.value.cooked === '') {
      const last = node.expressions.at(-1);
      const before = [...node.quasis.slice(0, -1)].flatMap((quasi, index) => {
        const expression = node.expressions[index];
        const text: StaticValue = known(quasi, quasi.value.cooked ?? '');
        return expression === undefined || index === node.expressions.length - 1
          ? [text]
          : [text, evaluate(expression)];
      });
      return last === undefined
        ? null
        : prefixed(
            before.reduce((left, right) => joined(node, left, right), known(node, '')),
            last,
            name,
          );
    }
    return null;
  }

  return { evaluate, names };
}

const DEPENDS = 'depends on the environment';

const arithmetic: Readonly<Record<string, (a: number, b: number) => number>> = {
  '+': (a, b) => a + b,
  '-': (a, b) => a - b,
  '*': (a, b) => a * b,
  '/': (a, b) => a / b,
  '%': (a, b) => a % b,
  '**': (a, b) => a ** b,
};

function prefixed(before: StaticValue, last: t.Node, name: string): string | null {
  const isParameter = last.type === 'Identifier' && last.name === name;
  return isParameter && before.kind === 'known' && typeof before.value === 'string' ? before.value : null;
}

function mentions(node: t.Node, name: string): boolean {
  return (
    (node.type === 'Identifier' && node.name === name) ||
    childrenOf(node).some((child) => mentions(child, name))
  );
}

function known(node: t.Node, value: KnownValue['value']): KnownValue {
  return { kind: 'known', value, line: lineOf(node) };
}

function unknown(node: t.Node, why: string): UnknownValue {
  return { kind: 'unknown', why, line: lineOf(node) };
}

/** An unknown value is reported where it is used, every other value where it is written. */
function at(node: t.Node, value: StaticValue): StaticValue {
  return value.kind === 'unknown' ? { ...value, line: lineOf(node) } : value;
}

function isText(value: StaticValue): boolean {
  return value.kind === 'reference' || (value.kind === 'known' && typeof value.value === 'string');
}

/** The concatenation of two values as text. */
function joined(node: t.Node, left: StaticValue, right: StaticValue): StaticValue {
  if (left.kind === 'unknown') return left;
  if (right.kind === 'unknown') return right;
  const texts = [left, right].map(asText);
  if (texts.some((text) => text === null)) return unknown(node, 'is computed');
  if (left.kind === 'known' && right.kind === 'known')
    return known(node, `${String(left.value)}${String(right.value)}`);
  return { kind: 'reference', text: texts.join(''), line: lineOf(node) };
}

function asText(value: StaticValue): string | null {
  if (value.kind === 'reference') return value.text;
  return value.kind === 'known' ? escapeReferences(String(value.value)) : null;
}

/** The name that a property is read or written under; null where it is computed. */
function keyOf(node: t.Node, computed: boolean): string | null {
  if (!computed && node.type === 'Identifier') return node.name;
  return node.type === 'StringLiteral' ? node.value : null;
}
