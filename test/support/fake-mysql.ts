import { listenOnLoopback, onMessages } from './fake-server.ts';

export interface FakeMysql {
  readonly port: number;
  /** Every packet that came, without its head. */
  readonly packets: readonly Buffer[];
  readonly queries: readonly string[];
}

type Bytes = Buffer | string | number;

const bytesOf = (parts: readonly Bytes[]) =>
  Buffer.concat(
    parts.map((part) =>
      typeof part === 'number' ? Buffer.from([part]) : typeof part === 'string' ? Buffer.from(part) : part,
    ),
  );

/** A number as the protocol writes lengths. */
function lengthOf(value: number): Buffer {
  if (value < 251) return Buffer.from([value]);
  const bytes = Buffer.alloc(5);
  bytes.writeUInt32LE(value, 1);
  return value < 0x1_00_00_00
    ? Buffer.concat([Buffer.from([0xfd]), bytes.subarray(1, 4)])
    : Buffer.concat([Buffer.from([0xfe]), bytes.subarray(1), Buffer.alloc(4)]);
}

const text = (value: string | Buffer) =>
  Buffer.concat([lengthOf(Buffer.byteLength(value)), bytesOf([value])]);

/** What is sent in answer: packets, numbered from the one that was answered. */
export type Packets = readonly Buffer[];

export const okPacket = bytesOf([0, 0, 0, 2, 0, 0, 0]);
const EOF = bytesOf([0xfe, 0, 0, 2, 0]);

export function errorPacket(number: number, message: string): Buffer {
  return bytesOf([0xff, number & 0xff, number >> 8, '#HY000', message]);
}

/** What the client mixes its password with. */
export const SCRAMBLE = Buffer.from('a'.repeat(20));

/** Asks for another way to authenticate. */
export function switchTo(plugin: string): Buffer {
  return bytesOf([0xfe, `${plugin}\0`, SCRAMBLE, 0]);
}

/** More of what a way to authenticate needs. */
export function moreData(data: Bytes): Buffer {
  return bytesOf([1, data]);
}

/** Asks the client for one of its files. */
export function fileRequest(path: string): Buffer {
  return bytesOf([0xfb, path]);
}

/** A result of columns of text. */
export function rowsOf(columns: readonly string[], rows: readonly (readonly (string | Buffer)[])[]): Packets {
  const definition = (name: string) =>
    bytesOf([
      ...['def', '', '', '', name, name].map(text), 0x0c, 45, 0, 0, 4, 0, 0, 0xfd, 0, 0, 0, 0, 0,
    ]); // prettier-ignore
  return [
    lengthOf(columns.length),
    ...columns.map(definition),
    EOF,
    ...rows.map((row) => Buffer.concat(row.map(text))),
    EOF,
  ];
}

export interface MysqlBehaviour {
  /** The way to authenticate that the greeting names. */
  readonly plugin?: string;
  /** The version in the greeting; `null` sends no greeting at all. */
  readonly version?: string | null;
  /** What follows each packet of the client until it is let in; by default it is let in at once. `[]` is silence. */
  readonly login?: (packet: Buffer, count: number) => Packets;
  /** What follows a query; by default everything is done and nothing found. `[]` is silence. */
  readonly answer?: (sql: string) => Packets;
}

const LARGEST = 0xff_ff_ff;

/** A MySQL on loopback that does what it should not. */
export async function fakeMysql(behaviour: MysqlBehaviour = {}): Promise<FakeMysql> {
  const { plugin = 'mysql_native_password', version = '8.0.40', answer = () => [okPacket] } = behaviour;
  const login = behaviour.login ?? (() => [okPacket]);
  const packets: Buffer[] = [];
  const queries: string[] = [];
  const port = await listenOnLoopback((socket) => {
    let [isIn, count] = [false, 0];
    const send = (from: number, bodies: Packets) => {
      let sequence = from;
      for (const body of bodies) {
        for (let at = 0; at <= body.length; at += LARGEST) {
          const part = body.subarray(at, at + LARGEST);
          const head = Buffer.alloc(4);
          head.writeUIntLE(part.length, 0, 3);
          head[3] = sequence++ & 0xff;
          socket.write(Buffer.concat([head, part]));
        }
      }
    };
    if (version !== null) {
      send(0, [
        bytesOf([
          10, `${version}\0`, Buffer.from([1, 0, 0, 0]), 'b'.repeat(8), 0, Buffer.from([0xff, 0xf7]), 45, Buffer.from([2, 0]),
          // All but TLS (0x800) and compression; columns are described up to an end.
          Buffer.from([0xff, 0x80]), 21, Buffer.alloc(10), 'c'.repeat(12), 0, `${plugin}\0`,
        ]),
      ]); // prettier-ignore
    }
    onMessages(
      socket,
      (received) => (received.length < 4 ? undefined : received.readUIntLE(0, 3) + 4),
      (bytes) => {
        const body = bytes.subarray(4);
        packets.push(Buffer.from(body));
        const next = (bytes[3] ?? 0) + 1;
        if (!isIn) {
          const replies = login(body, count++);
          isIn = replies.includes(okPacket);
          send(next, replies);
        } else if (body[0] === 3) {
          // Behind the command may stand the number of attributes of the query.
          const sql = body.subarray(1).toString();
          queries.push(sql);
          send(1, answer(sql));
        } else if (body[0] === 1) socket.end();
      },
    );
  });
  return { port, packets, queries };
}
