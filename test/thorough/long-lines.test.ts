import { describe, it } from 'vitest';
import { looksLikeCredential } from '../../src/sessions/credential.ts';
import { readPaste } from '../../src/sessions/pasted.ts';

const SIGNATURE = 'r3Yy/2hW+0PqXn5sVb8kTd1mLc7uEo9fGj4iKa6wZxQ=';

describe('a line of a quarter of a million letters that keeps a pattern busy is read', () => {
  const pieces = [
    '%', '%4', '%25', '%252525', '%E0', '"', "'", "',", '=', '==', ';', ' ', '\t', '.', '.a', 'a.', 'a=', 'a=b;', ':',
    'session_token', 'session_token_multi-', 'session_token=', 'session_data.', 'bearer ', 'Bearer', `.${SIGNATURE}`, `.${SIGNATURE.slice(0, -2)}`, '\u00a0',
  ]; // prettier-ignore
  const LENGTH = 250_000;

  // What grows with the square of the length takes many minutes.
  it.each(pieces)('%j', (piece) => {
    for (const start of ['', 'x', '"', 'session_token=', 'bearer ']) {
      for (const end of ['', '\u0001', ' x', '"']) {
        const line = (start + piece.repeat(LENGTH / piece.length + 1)).slice(0, LENGTH - end.length) + end;
        readPaste(line);
        looksLikeCredential(line);
      }
    }
  });
});
