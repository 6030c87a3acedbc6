import { expect, it } from 'vitest';
import { runMain } from '../support/fake-system.ts';

const SECRET = 's3cret-of-s0mebody';

it.each([
  `host=db password=${SECRET} dbname=app`,
  `password=${SECRET}`,
  `Server=db;Pwd=${SECRET}`,
  `postgres://ada:pw@db.invalid/app;password=${SECRET}`,
  `postgres://ada:pw@db.invalid/app?pwd=${SECRET}`,
  `postgres://ada:pw@db.invalid/app?api_key=${SECRET}`,
  `mysql://ada:pw@db.invalid/app;apiKey=${SECRET}`,
  `libsql://db.invalid?authToken=${SECRET}`,
  `libsql://${SECRET}@db.invalid`,
  `file:///tmp/x?authToken=${SECRET}`,
  `app.db;authToken=${SECRET}`,
])('a secret in any form of --url is not repeated: %s', async (url) => {
  for (const words of [['list'], ['config', 'show'], ['doctor']]) {
    const { code, stdout, stderr } = await runMain(['--url', url, '--verbose', ...words]);
    expect({ words, isRefused: code !== 0 || words[0] === 'config' }).toEqual({ words, isRefused: true });
    expect(stdout + stderr).not.toContain(SECRET);
  }
});
