import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import type { Transport } from '../../../sessions/examination.ts';
import { isLocalHost } from './local-host.ts';

/** How a connected socket is protected. A Unix socket has no remote address. */
export function transportOf(socket: Socket): Transport {
  const { remoteAddress: address } = socket;
  const isLocal = address === undefined || isLocalHost(address.replace(/^::ffff:/, ''));
  return socket instanceof TLSSocket
    ? { protocol: socket.getProtocol(), isVerified: socket.authorized, isLocal }
    : { protocol: null, isVerified: false, isLocal };
}
