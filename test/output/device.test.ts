import fc from 'fast-check';
import { expect, test } from 'vitest';
import { deviceOf } from '../../src/output/device.ts';
import { dangerousIn, hostileText } from './hostile.ts';

const webkit = 'AppleWebKit/537.36 (KHTML, like Gecko)';

test.each([
  [`Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) ${webkit} Chrome/142.0.0.0 Safari/537.36`, 'Chrome 142 on macOS'],
  ['Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Mobile/15E148 Safari/604.1', 'Safari 18 on iPhone'],
  ['Mozilla/5.0 (iPad; CPU OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1', 'Safari 18 on iPad'],
  ['Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:144.0) Gecko/20100101 Firefox/144.0', 'Firefox 144 on Windows'],
  ['Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:143.0) Gecko/20100101 Firefox/143.0', 'Firefox 143 on Ubuntu'],
  [`Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) ${webkit} Chrome/141.0.0.0 Safari/537.36`, 'Chrome 141 on ChromeOS'],
  [`Mozilla/5.0 (Linux; Android 10; K) ${webkit} Chrome/142.0.0.0 Mobile Safari/537.36`, 'Chrome 142 on Android'],
  [`Mozilla/5.0 (Windows NT 10.0; Win64; x64) ${webkit} Chrome/142.0.0.0 Safari/537.36 Edg/142.0.0.0`, 'Edge 142 on Windows'],
  [`Mozilla/5.0 (Linux; Android 15; SM-S928B) ${webkit} SamsungBrowser/28.0 Chrome/130.0.0.0 Mobile Safari/537.36`, 'Samsung Internet 28 on Android'],
  ['Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)', 'Googlebot 2.1 (bot)'],
  ['Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)', 'bingbot 2.0 (bot)'],
  ['facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)', 'facebookexternalhit 1.1 (bot)'],
  ['curl/8.5.0', 'curl 8.5'],
  ['Wget/1.21.4', 'Wget 1.21'],
  ['okhttp/4.12.0', 'okhttp 4.12 (library)'],
  ['python-requests/2.32.3', 'python-requests 2.32 (library)'],
  ['Go-http-client/2.0', 'Go-http-client 2.0 (library)'],
  ['node', 'node (library)'],
  ['Example/3.2.1 (iPhone; iOS 18.1; Scale/3.00)', 'Example 3.2 on iPhone'],
  ['Example/3.2.1', 'Example 3.2'],
  ['Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148', 'WebView on iPhone'],
  ['Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 [FBAN/FBIOS;FBAV/460.0]', 'Facebook 460 on iPhone'],
  ['Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) GSA/290.0 Mobile/15E148 Safari/604.1', 'Google app 290 on iPhone'],
  ['Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko)', 'WebView on macOS'],
  [`Mozilla/5.0 (X11; Linux x86_64) ${webkit} Slack/4.41.98 Chrome/128.0.6613.186 Electron/32.2.5 Safari/537.36`, 'Slack 4 on Linux'],
  [`Mozilla/5.0 (X11; Linux x86_64) ${webkit} Chrome/128.0.6613.186 Electron/32.2.5 Safari/537.36`, 'Electron 32 on Linux'],
  ['Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Thunderbird/128.4.0', 'Thunderbird 128 on Linux'],
  [`Mozilla/5.0 (Linux; Android 13; CUBOT X30) ${webkit} Chrome/131.0.0.0 Mobile Safari/537.36`, 'Chrome 131 on Android'],
  [`Mozilla/5.0 ${webkit}; compatible; ChatGPT-User/1.0; +https://openai.com/bot`, 'ChatGPT-User 1.0 (bot)'],
  ['meta-externalagent/1.1', 'meta-externalagent 1.1 (bot)'],
  ['Mediapartners-Google', 'Mediapartners-Google (bot)'],
  ['Python/3.12 aiohttp/3.10.5', 'Python 3.12 (library)'],
  ['Cloudflare-Workers', 'Cloudflare-Workers (library)'],
  ['Mozilla/5.0', 'unknown'],
  ['something else entirely', 'unknown'],
  ['\u001b[2J', 'unknown'],
  ['', null],
  ['  ', null],
  [null, null],
])('%j is %j', (userAgent, device) => {
  expect(deviceOf(userAgent)).toBe(device);
}); // prettier-ignore

test('the reading of anything is short, stable and harmless', () => {
  const agent = fc.oneof(
    hostileText,
    hostileText.map((text) => `Mozilla/5.0 (${text}) Chrome/142 Safari/1`),
    fc.stringMatching(/^[A-Za-z]{1,90}\/\d{1,90}$/),
  );
  fc.assert(
    fc.property(agent, (text) => {
      const device = deviceOf(text);
      if (text.trim() !== '') expect(device).not.toBe('');
      expect((device ?? '').length).toBeLessThanOrEqual(40);
      expect(dangerousIn(device ?? '')).toEqual([]);
      expect(deviceOf(text)).toBe(device);
    }),
    { numRuns: 1000 },
  );
});

test('ten kilobytes made to keep a pattern busy take no time', () => {
  const pieces = [
    'a',
    ' ',
    'a/',
    '(',
    'Mozilla/5.0 (',
    '-bot',
    'x-',
    'Android ',
    ';',
    'Version/1 Safari',
    'ip',
    'linux ',
    '\u202e',
    '1.',
  ];
  const agents = pieces.flatMap((piece) =>
    ['', 'Mozilla/5.0 ', 'Mozilla/5.0 (Linux; Android '].map((start) =>
      (start + piece.repeat(500_000)).slice(0, 500_000),
    ),
  );
  // Where the work grew with the square of the length, each of these would take minutes.
  for (const agent of agents) expect(deviceOf(agent)?.length ?? 0).toBeLessThan(100);
});
