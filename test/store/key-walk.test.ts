import knex from 'knex';
import { expect, it } from 'vitest';
import { keyWalk, type WalkedKind } from '../../src/store/database/dialects/key-walk.ts';

const builder = knex({ client: 'pg' });
const walkOf = (kind: WalkedKind) => keyWalk(builder, builder.raw('session AS s'), 's.id', kind);
const uuid = '0195f3a2-7b61-7c1e-8d5b-2f0e6a9b1c3d';

it.each<[WalkedKind, string | number]>([
  ['text', 'QsFYstwyPj'],
  ['text', 'a key with  spaces '],
  ['text', ''],
  ['uuid', uuid],
  ['integer', 0],
  ['integer', '9223372036854775807'],
  ['rowid', 701],
  ['rowid', -3],
])('a place on the way along a key (%s) is read as it was written: %j', (kind, position) => {
  const walk = walkOf(kind);
  expect(walk.read(walk.write(position))).toBe(position);
});

it.each<[WalkedKind, string]>([
  ['text', 'uuid x'],
  ['text', 'page 7'],
  ['text', 'x'],
  ['uuid', 'uuid x'],
  ['uuid', `text ${uuid}`],
  ['integer', 'integer 1e3'],
  ['integer', 'integer '],
  ['integer', 'rowid 7'],
  ['integer', 'integer 9223372036854775808'],
  ['rowid', 'rowid 7 OR 1 = 1'],
  ['rowid', 'expiry ["a","b"]'],
  ['rowid', ''],
])('a walk along a key (%s) does not understand %j', (kind, text) => {
  expect(walkOf(kind).read(text)).toBeNull();
});
