/** Whether a host is this machine, so that no network lies between. A directory or path is a Unix socket. */
export function isLocalHost(host: string): boolean {
  return host.startsWith('/') || /^(?:localhost|127(?:\.\d{1,3}){3}|::1|\[::1\])$/i.test(host);
}
