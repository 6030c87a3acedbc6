import { createServer } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { ConnectionError } from '../../src/errors.ts';
import { createRedactor } from '../../src/redaction.ts';
import { connectDatabase } from '../../src/store/database/connect/connect.ts';

/** Takes connections, and breaks each at once. */
async function startBrokenServer() {
  let connections = 0;
  const server = createServer((socket) => {
    connections += 1;
    socket.destroy();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return { port: address.port, connections: () => connections };
}

test.each(['postgres', 'mysql'])(
  'a server of %s that is gone is waited for once in a run',
  async (scheme) => {
    const server = await startBrokenServer();
    const { knex, persist } = await connectDatabase(
      {
        profile: null,
        url: `${scheme}://somebody@127.0.0.1:${String(server.port)}/auth`,
        timeZone: null,
        statementTimeout: 0,
        connectTimeout: 10_000,
        replicas: [],
        tls: null,
        schema: { databaseSchema: null, table: null, userTable: null, columns: {}, userColumns: {} },
        cwd: '/',
      },
      { access: 'write', redactor: createRedactor(), signal: new AbortController().signal, patience: 500 },
    );
    const attempt = () => persist(() => knex.raw('SELECT 1'));
    await expect(attempt()).rejects.toBeInstanceOf(ConnectionError);
    const before = server.connections();
    expect(before).toBeGreaterThan(1);
    await expect(attempt()).rejects.toBeInstanceOf(ConnectionError);
    expect(server.connections()).toBe(before + 1);
  },
);
