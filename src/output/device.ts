import { UAParser } from 'ua-parser-js';
import { remembered } from './remembered.ts';
import { safeText } from './safe-text.ts';

/** Only the beginning of a longer user agent is read: the parser's patterns are not linear. */
const READ_AT_MOST = 512;
const LONGEST_READING = 40;

/** Programs that a person runs by hand. Every other program without a browser is a library or an application. */
const TOOLS = new Set(['curl', 'wget', 'httpie', 'postmanruntime', 'insomnia', 'bruno', 'xh']);
const LIBRARIES = new Set([
  'okhttp', 'python-requests', 'python-urllib', 'python-httpx', 'aiohttp', 'axios', 'node-fetch', 'undici', 'node',
  'got', 'ktor-client', 'go-http-client', 'go-resty', 'dart', 'java', 'java-http-client', 'apache-httpclient',
  'guzzlehttp', 'faraday', 'ruby', 'reqwest', 'libwww-perl', 'bun', 'deno', 'alamofire', 'python',
  'cloudflare-workers', 'vercel-edge',
]); // prettier-ignore
const BOT =
  /\b((?!cubot\b)[a-z][\w-]{0,30}?(?:bot|crawler|spider|externalhit|externalagent|slurp|monitor)|(?:ChatGPT|Claude|Perplexity)-User|Chrome-Lighthouse|GoogleOther|Mediapartners-Google|Pingdom)\b(?:[-/ ]v?(\d{1,4}(?:\.\d{1,4})?))?/i;
const PRODUCT = /^([a-z][\w.-]{0,39}?)(?:\/v?(\d{1,4}(?:\.\d{1,4})?)[\w.-]*)?(?=[\s;(]|$)/i;
/** Electron applications name themselves before Chrome. */
const ELECTRON_APP = /\bGecko\) ([a-z][\w.-]{0,39}?)\/(\d{1,4})\S* (?=.*Chrome\/)/i;
const MAIL_PROGRAM = /\b(Thunderbird|SeaMonkey)\/(\d{1,4})/;
const FACEBOOK = /\bFBAV\/(\d{1,4})/;
const PLATFORMS: Readonly<Record<string, string>> = { 'Mac OS': 'macOS', 'Chromium OS': 'ChromeOS' };

/**
 * A short reading of a user agent for people: `Chrome 142 on macOS`, `curl 8.5`, `Googlebot 2.1 (bot)`. It is the
 * client's own claim, so nothing is ever selected by it.
 * @returns null for an absent or empty agent, `unknown` where nothing is recognised; at most 40 characters, safe text
 */
export function deviceOf(userAgent: string | null): string | null {
  return userAgent === null || userAgent.trim() === '' ? null : readingOf(userAgent);
}

const readingOf = remembered((userAgent: string): string => {
  const text = userAgent.slice(0, READ_AT_MOST);
  const reading = safeText(botIn(text) ?? browserIn(text) ?? programIn(text) ?? 'unknown');
  return reading.length <= LONGEST_READING ? reading : `${reading.slice(0, LONGEST_READING - 1)}…`;
});

function botIn(text: string): string | undefined {
  const match = BOT.exec(text);
  return match === null ? undefined : `${joined(match[1], match[2])} (bot)`;
}

function browserIn(text: string): string | undefined {
  if (!/^(?:Mozilla|Opera)\//.test(text)) return undefined;
  const parser = new UAParser(text);
  const { name, version } = parser.getBrowser();
  const platform = platformIn(parser);
  if (name === undefined) return platform === undefined ? undefined : `unknown on ${platform}`;
  const browser = namedIn(text, name.replace(/^Mobile /, ''), version?.split('.')[0]);
  return platform === undefined ? browser : `${browser} on ${platform}`;
}

/** Names for what the parser leaves general, or names in an unusual way. */
function namedIn(text: string, name: string, version: string | undefined): string {
  const own =
    name === 'Electron'
      ? ELECTRON_APP.exec(text)
      : name === 'Mozilla'
        ? MAIL_PROGRAM.exec(text)
        : name === 'WebKit' && FACEBOOK.test(text)
          ? ['', 'Facebook', FACEBOOK.exec(text)?.[1]]
          : null;
  if (own !== null) return joined(own[1], own[2]);
  // An application that shows pages reports only the engine's version, and TikTok writes a date.
  if (name === 'WebKit') return 'WebView';
  return name === 'TikTok' ? name : joined(name === 'GSA' ? 'Google app' : name, version);
}

function programIn(text: string): string | undefined {
  const [, name, version] = PRODUCT.exec(text) ?? [];
  if (name === undefined || /^(?:Mozilla|Opera)$/.test(name)) return undefined;
  const program = joined(name, version);
  if (TOOLS.has(name.toLowerCase())) return program;
  if (LIBRARIES.has(name.toLowerCase())) return `${program} (library)`;
  if (version === undefined) return undefined;
  const platform = platformIn(new UAParser(text));
  return platform === undefined ? program : `${program} on ${platform}`;
}

function platformIn(parser: UAParser): string | undefined {
  const { model } = parser.getDevice();
  if (model === 'iPhone' || model === 'iPad') return model;
  const { name } = parser.getOS();
  return name === undefined ? undefined : (PLATFORMS[name] ?? name);
}

function joined(name = '', version?: string): string {
  return version === undefined || version === '' ? name : `${name} ${version}`;
}
