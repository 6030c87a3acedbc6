import { listenOnLoopback, onMessages } from './fake-server.ts';

/** What a PostgreSQL that lies says to the query, given to `answer`. `undefined` is silence. */
export type Answer = Buffer | undefined;

export interface FakePostgres {
  readonly port: number;
  /** What clients sent as a password. */
  readonly passwords: readonly string[];
  /** The queries so far. */
  readonly queries: readonly string[];
}

/** A message of the protocol. */
export function message(type: string, ...parts: readonly (Buffer | string)[]): Buffer {
  const body = Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part) : part)));
  const head = Buffer.alloc(5);
  head.write(type);
  head.writeInt32BE(body.length + 4, 1);
  return Buffer.concat([head, body]);
}

const int32 = (value: number) => {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
};
const int16 = (value: number) => int32(value).subarray(2);

/** The server takes the next query. */
export const READY = message('Z', 'I');
export const authenticationOk = message('R', int32(0));
export const cleartextPasswordRequest = message('R', int32(3));

/** A result of one column and one row. */
export function oneRow(name: string, value: string | Buffer): Buffer {
  return Buffer.concat([rowHead(name), rowOf(value), message('C', 'SELECT 1\0'), READY]);
}

/** The description of a result of one column of texts. */
export function rowHead(name: string): Buffer {
  return message('T', int16(1), `${name}\0`, int32(0), int16(0), int32(25), int16(-1), int32(-1), int16(0));
}

export function rowOf(value: string | Buffer): Buffer {
  return message('D', int16(1), int32(Buffer.byteLength(value)), value);
}

/** An error of the server, after which it takes queries again. */
export function errorOf(code: string, text: string): Buffer {
  return Buffer.concat([message('E', `SERROR\0VERROR\0C${code}\0M${text}\0\0`), READY]);
}

export interface PostgresBehaviour {
  /** What follows the start of a connection; by default it is let in. */
  readonly greeting?: Answer;
  /** What follows a query, by its text. By default `version()` is answered, and nothing else. */
  readonly answer?: (sql: string) => Answer;
  /** Called for each message of a client. */
  readonly onTalk?: () => void;
}

/** A PostgreSQL on loopback that does what it should not. It speaks as much of the protocol as a query by text needs. */
export async function fakePostgres(behaviour: PostgresBehaviour = {}): Promise<FakePostgres> {
  const passwords: string[] = [];
  const queries: string[] = [];
  const greeting = 'greeting' in behaviour ? behaviour.greeting : Buffer.concat([authenticationOk, READY]);
  const answer = (sql: string) => {
    queries.push(sql);
    const given = behaviour.answer?.(sql);
    if (given !== undefined || behaviour.answer !== undefined) return given;
    return sql.includes('version()') ? oneRow('version', VERSION) : undefined;
  };
  const port = await listenOnLoopback((socket) => {
    let started = false;
    const send = (bytes: Answer) => {
      if (bytes !== undefined) socket.write(bytes);
    };
    onMessages(
      socket,
      (received) => {
        if (started) return received.length < 5 ? undefined : received.readInt32BE(1) + 1;
        return received.length < 4 ? undefined : received.readInt32BE(0);
      },
      (bytes) => {
        behaviour.onTalk?.();
        if (!started) {
          if (bytes.readInt32BE(4) === SSL_REQUEST) {
            socket.write('N');
            return;
          }
          started = true;
          send(greeting);
          return;
        }
        const type = String.fromCharCode(bytes[0] ?? 0);
        const text = bytes.subarray(5, -1).toString();
        if (type === 'p') passwords.push(text);
        // Of a query in parts, the text is in the part that parses it.
        if (type === 'Q') send(answer(text));
        if (type === 'P') send(answer(text.split('\0')[1] ?? ''));
        if (type === 'X') socket.end();
      },
    );
  });
  return { port, passwords, queries };
}

export const VERSION = 'PostgreSQL 17.2 on x86_64-pc-linux-gnu';
const SSL_REQUEST = 80_877_103;
