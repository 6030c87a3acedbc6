import { getStaticTOMLValue, parseTOML } from 'toml-eslint-parser';
import type { AST } from 'toml-eslint-parser';
import type { Problem } from './problem.ts';

/** The path to a value: the names of the tables and the key. */
export type KeyPath = readonly string[];

/** Parsed TOML that has not been checked yet. */
export interface TomlDocument {
  readonly root: unknown;
  /** The line of the key, or of the nearest table around it. */
  readonly lineOf: (path: KeyPath) => number;
}

/** Names with a special meaning for JavaScript objects: as keys they would vanish silently. */
const UNUSABLE = ['__proto__', 'constructor', 'prototype'];

/** Nesting of tables and keys. No setting is as deep. */
const DEEPEST = 10;

/** Reads TOML 1.0. A syntax error is reported with its line and column. */
export function parseTomlDocument(text: string): TomlDocument | { readonly problem: Problem } {
  try {
    return readDocument(text);
  } catch (error) {
    // The parser recurses as deep as the text is nested, until its stack is full.
    if (!(error instanceof RangeError)) throw error;
    return { problem: tooDeep(1) };
  }
}

function tooDeep(line: number): Problem {
  return { line, column: null, message: 'values are nested too deeply', hint: null };
}

function readDocument(text: string): TomlDocument | { readonly problem: Problem } {
  const ast = parseOrProblem(text);
  if ('problem' in ast) return ast;
  const lines = new Map<string, number>();
  for (const { path, line, isMention } of keysOf(ast.body[0])) {
    if (path.length > DEEPEST) return { problem: tooDeep(line) };
    const unusable = path.find((name) => UNUSABLE.includes(name));
    if (unusable !== undefined)
      return { problem: { line, column: null, message: `${unusable} cannot be a key`, hint: null } };
    // `[a.b]` only mentions `a`: the line of `[a]` itself counts more.
    if (!isMention || !lines.has(idOf(path))) lines.set(idOf(path), line);
  }
  return {
    root: getStaticTOMLValue(ast),
    lineOf: (path) => {
      for (let length = path.length; length > 0; length -= 1) {
        const line = lines.get(idOf(path.slice(0, length)));
        if (line !== undefined) return line;
      }
      return 1;
    },
  };
}

function parseOrProblem(text: string): AST.TOMLProgram | { readonly problem: Problem } {
  try {
    return parseTOML(text, { tomlVersion: '1.0' });
  } catch (error) {
    // The parser's own error class, also named SyntaxError, has the position.
    if (!(error instanceof Error) || !('lineNumber' in error) || !('column' in error)) throw error;
    const { message, lineNumber, column } = error;
    return {
      problem: {
        line: Number(lineNumber),
        column: Number(column) + 1,
        message: `not TOML: ${message}`,
        hint: null,
      },
    };
  }
}

interface KeyPlace {
  readonly path: KeyPath;
  readonly line: number;
  /** The key is only part of the path to a longer one. */
  readonly isMention: boolean;
}

function* keysOf(
  node: AST.TOMLTopLevelTable | AST.TOMLTable | AST.TOMLInlineTable,
  prefix: KeyPath = [],
): Generator<KeyPlace> {
  for (const entry of node.body) {
    const names = entry.key.keys.map((key) => (key.type === 'TOMLBare' ? key.name : key.value));
    const path = [...prefix, ...names];
    const { line } = entry.key.loc.start;
    for (let length = prefix.length + 1; length <= path.length; length += 1) {
      yield { path: path.slice(0, length), line, isMention: length < path.length };
    }
    if (entry.type === 'TOMLTable') yield* keysOf(entry, path);
    else if (entry.value.type === 'TOMLInlineTable') yield* keysOf(entry.value, path);
  }
}

function idOf(path: KeyPath): string {
  return JSON.stringify(path);
}
