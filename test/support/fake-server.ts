import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';

/** Listens on a port of loopback until the test ends, and cuts every connection then. */
export async function listenOnLoopback(serve: (socket: Socket) => void): Promise<number> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => sockets.delete(socket));
    serve(socket);
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '0.0.0.0', resolve);
  });
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

/** Hands on whole messages of a stream. `lengthOf` is undefined while too little has come to know the length. */
export function onMessages(
  socket: Socket,
  lengthOf: (received: Buffer) => number | undefined,
  take: (message: Buffer) => void,
): void {
  let received: Buffer = Buffer.alloc(0);
  socket.on('data', (chunk: Buffer) => {
    received = Buffer.concat([received, chunk]);
    for (;;) {
      const length = lengthOf(received);
      if (length === undefined || received.length < length) return;
      const message = received.subarray(0, length);
      received = received.subarray(length);
      take(message);
    }
  });
}

/** A way to a real server that says nothing any more once something of the client's matches, and does not end either. */
export async function silentOnceSent(target: string, matches: RegExp): Promise<string> {
  const url = new URL(target);
  const { hostname, protocol } = url;
  const port = Number(url.port) || (protocol === 'mysql:' ? 3306 : 5432);
  url.host = `127.0.0.1:${String(
    await listenOnLoopback((client) => {
      const server = connect({ host: hostname, port });
      server.on('error', () => undefined);
      let isSilent = false;
      client.on('data', (chunk: Buffer) => {
        isSilent ||= matches.test(chunk.toString('latin1'));
        if (!isSilent) server.write(chunk);
      });
      server.on('data', (chunk) => {
        if (!isSilent) client.write(chunk);
      });
      client.on('close', () => server.destroy());
    }),
  )}`;
  return url.href;
}
