import { pathToFileURL } from 'node:url';

/**
 * The program under test: the one that `npm run build` made, or with SESSIONCTL_BINARY another installation's
 * `bin/sessionctl.js`, such as one unpacked from a tarball.
 */
export const sessionctlBinary: URL =
  process.env['SESSIONCTL_BINARY'] === undefined
    ? new URL('../../bin/sessionctl.js', import.meta.url)
    : pathToFileURL(process.env['SESSIONCTL_BINARY']);
