import { connect, createServer, type Socket } from 'node:net';

/** A wire between sessionctl and a server that can be cut at a chosen moment. */
export interface TcpProxy {
  /** The target's URL, by way of the proxy. */
  readonly url: string;
  /** Breaks every connection that is open. */
  readonly cut: () => void;
  /** Whether new connections are closed at once. */
  readonly refuse: (on: boolean) => void;
  /** Breaks a connection, once, when so many bytes from now have gone towards the server; the rest is lost. */
  readonly cutAfterBytes: (bytes: number) => void;
  /**
   * Breaks a connection, once, when a chunk on its way to the server matches, such as one with DELETE or COMMIT in it:
   * before the server sees the chunk, or after the server has done it and in place of its answer.
   */
  readonly cutWhen: (matches: (chunkTowardsServer: Buffer) => boolean, moment: 'before' | 'after') => void;
  /** As `cutWhen` before the server sees the chunk; from then on the database lets nobody in, which no retry helps with. */
  readonly cutForGoodWhen: (matches: (chunkTowardsServer: Buffer) => boolean) => void;
  /** How many times `cutAfterBytes` and `cutWhen` have struck: a test of a cut that never came proves nothing. */
  readonly strikes: () => number;
  readonly stop: () => Promise<void>;
}

/** What becomes of a chunk on its way to the server. */
type Verdict = 'pass' | 'cut before' | 'cut after' | { readonly passOnly: number };

const usualPorts: Readonly<Record<string, number>> = {
  'postgres:': 5432,
  'postgresql:': 5432,
  'mysql:': 3306,
  'mariadb:': 3306,
  'redis:': 6379,
};

/** What a server says, in its own protocol, to an account that it does not let in. */
const denials: Readonly<Record<string, Buffer>> = {
  'postgres:': errorOfPostgres('SFATAL\0C28000\0Mrole is not permitted to log in\0\0'),
  'mysql:': errorOfMysql(1045, 'Access denied'),
};

function errorOfPostgres(fields: string): Buffer {
  const length = Buffer.alloc(4);
  length.writeInt32BE(fields.length + 4);
  return Buffer.concat([Buffer.from('E'), length, Buffer.from(fields)]);
}

function errorOfMysql(code: number, text: string): Buffer {
  const head = Buffer.from([text.length + 3, 0, 0, 0, 0xff, code & 0xff, code >> 8]);
  return Buffer.concat([head, Buffer.from(text)]);
}

/** Stands between a client and the server of a PostgreSQL, MySQL or Redis URL. Whoever starts it stops it. */
export async function startProxy(targetUrl: string): Promise<TcpProxy> {
  const target = new URL(targetUrl);
  const port = target.port === '' ? usualPorts[target.protocol] : Number(target.port);
  if (port === undefined) throw new Error(`no server has the URL ${targetUrl}`);

  const sockets = new Set<Socket>();
  let refusing = false;
  let denial: Buffer | undefined;
  let strikes = 0;
  const pass = (): Verdict => 'pass';
  let judge: (chunk: Buffer) => Verdict = pass;

  const cut = () => {
    for (const socket of sockets) socket.destroy();
  };

  const server = createServer((client) => {
    if (refusing) {
      client.destroy();
      return;
    }
    if (denial !== undefined) {
      const answer = denial;
      client.on('error', () => undefined);
      // PostgreSQL speaks when it is spoken to, MySQL at once.
      if (target.protocol === 'mysql:') client.end(answer);
      else client.once('data', () => client.end(answer));
      return;
    }
    const upstream = connect({ host: target.hostname, port });
    const pair = [client, upstream] as const;
    const breakBoth = () => {
      for (const socket of pair) socket.destroy();
    };
    let swallowAnswer = false;
    for (const socket of pair) {
      socket.setNoDelay(true);
      sockets.add(socket);
      // Either side going away, in order or not, ends the connection.
      socket.on('error', breakBoth);
      socket.on('close', () => {
        sockets.delete(socket);
        breakBoth();
      });
    }
    client.on('data', (chunk) => {
      const verdict = judge(chunk);
      if (verdict !== 'pass') {
        judge = pass;
        strikes += 1;
      }
      if (verdict === 'pass') upstream.write(chunk);
      else if (verdict === 'cut before') breakBoth();
      else if (verdict === 'cut after') {
        // The server's answer says that it is done; only then does the wire break.
        swallowAnswer = true;
        upstream.write(chunk);
      } else upstream.write(chunk.subarray(0, verdict.passOnly), breakBoth);
    });
    upstream.on('data', (chunk) => {
      if (swallowAnswer) breakBoth();
      else client.write(chunk);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the proxy has no port');
  const url = new URL(targetUrl);
  url.host = `127.0.0.1:${String(address.port)}`;

  return {
    url: url.href,
    cut,
    refuse: (on) => {
      refusing = on;
    },
    cutAfterBytes: (bytes) => {
      let left = bytes;
      judge = (chunk) => {
        if (chunk.length < left) {
          left -= chunk.length;
          return 'pass';
        }
        return { passOnly: left };
      };
    },
    cutWhen: (matches, moment) => {
      judge = (chunk) => {
        if (!matches(chunk)) return 'pass';
        return moment === 'before' ? 'cut before' : 'cut after';
      };
    },
    cutForGoodWhen: (matches) => {
      judge = (chunk) => {
        if (!matches(chunk)) return 'pass';
        denial = denials[target.protocol.replace('postgresql:', 'postgres:')];
        cut();
        return 'cut before';
      };
    },
    strikes: () => strikes,
    stop: async () => {
      const closed = new Promise((resolve) => server.close(resolve));
      cut();
      await closed;
    },
  };
}
