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

export interface SilentWay {
  readonly url: string;
  /** Resolves when it has fallen silent. */
  readonly isSilent: Promise<void>;
}

/**
 * A way to a real server that says nothing any more from something that the client sent on, and does not end either.
 * @param answered bytes of the answer to it that still arrive
 */
export async function silentOnceSent(
  target: string,
  isLast: (sent: string) => boolean,
  answered = 0,
): Promise<SilentWay> {
  const url = new URL(target);
  const { hostname } = url;
  const port = portOf(url);
  let fallSilent: () => void = () => undefined;
  const isSilent = new Promise<void>((resolve) => {
    fallSilent = resolve;
  });
  url.host = `127.0.0.1:${String(
    await listenOnLoopback((client) => {
      const server = connect({ host: hostname, port });
      server.on('error', () => undefined);
      let isOver = false;
      let rest = answered;
      client.on('data', (chunk: Buffer) => {
        const wasOver = isOver;
        isOver ||= isLast(chunk.toString('latin1'));
        if (isOver) fallSilent();
        if (!isOver || (answered > 0 && !wasOver)) server.write(chunk);
      });
      server.on('data', (chunk: Buffer) => {
        const part = isOver ? chunk.subarray(0, rest) : chunk;
        if (isOver) rest -= part.length;
        if (part.length > 0) client.write(part);
      });
      client.on('close', () => server.destroy());
    }),
  )}`;
  return { url: url.href, isSilent };
}

export interface RecordedWay {
  readonly url: string;
  /** All that clients sent so far. */
  readonly sent: () => string;
  /** All that the server sent so far. */
  readonly received: () => string;
}

/** A way to a real server that keeps all that passes. */
export async function recordedWay(target: string): Promise<RecordedWay> {
  const url = new URL(target);
  const { hostname } = url;
  const port = portOf(url);
  const kept = { sent: [] as Buffer[], received: [] as Buffer[] };
  url.host = `127.0.0.1:${String(
    await listenOnLoopback((client) => {
      const server = connect({ host: hostname, port });
      server.on('error', () => undefined);
      client.on('data', (chunk: Buffer) => kept.sent.push(chunk)).pipe(server);
      server.on('data', (chunk: Buffer) => kept.received.push(chunk)).pipe(client);
      client.on('close', () => server.destroy());
    }),
  )}`;
  const textOf = (chunks: readonly Buffer[]) => Buffer.concat(chunks).toString('latin1');
  return { url: url.href, sent: () => textOf(kept.sent), received: () => textOf(kept.received) };
}

function portOf({ port, protocol }: URL): number {
  return Number(port) || ({ 'mysql:': 3306, 'redis:': 6379 }[protocol] ?? 5432);
}
