import { BlockList, isIP } from 'node:net';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { addressKey, parseAddressRange, rangeHolds, widenRange } from '../../src/sessions/address.ts';
import { InvalidValueError } from '../../src/sessions/invalid-value.ts';

function holds(range: string, address: string): boolean {
  const key = addressKey(address);
  if (key === undefined) throw new Error(`${address} is no address`);
  return rangeHolds(parseAddressRange(range), key);
}

const byte = fc.integer({ min: 0, max: 255 });
const hextet = fc.integer({ min: 0, max: 0xffff });
/** Few different values, so that addresses meet networks often. */
const likelyByte = fc.oneof(fc.constantFrom(0, 1, 127, 128, 255), byte);
const likelyHextet = fc.oneof(fc.constantFrom(0, 1, 0xdb8, 0x8000, 0xffff), hextet);
const four = fc.tuple(likelyByte, likelyByte, likelyByte, likelyByte).map((bytes) => bytes.join('.'));
const six = fc
  .tuple(...Array.from({ length: 8 }, () => likelyHextet))
  .map((parts) => parts.map((part) => part.toString(16)).join(':'))
  .filter((text) => !/^(?:0:){5}ffff:/.test(text));

test('IPv4 networks hold what node:net says', () => {
  fc.assert(
    fc.property(four, fc.integer({ min: 0, max: 32 }), four, fc.boolean(), (base, prefix, other, near) => {
      const address = near ? base.replace(/\d+$/, '7') : other;
      const judge = new BlockList();
      judge.addSubnet(base, prefix, 'ipv4');
      expect(holds(`${base}/${String(prefix)}`, address)).toBe(judge.check(address, 'ipv4'));
    }),
    { numRuns: 1000 },
  );
});

test('IPv6 networks hold what node:net says', () => {
  fc.assert(
    fc.property(
      six,
      fc.integer({ min: 0, max: 128 }),
      six,
      fc.integer({ min: 0, max: 7 }),
      (base, prefix, other, kept) => {
        // The address begins as the network does, so that both answers come up at every prefix.
        const address = [...base.split(':').slice(0, kept), ...other.split(':').slice(kept)].join(':');
        if (/^(?:0:){5}ffff:/.test(address)) return;
        const judge = new BlockList();
        judge.addSubnet(base, prefix, 'ipv6');
        expect(holds(`${base}/${String(prefix)}`, address)).toBe(judge.check(address, 'ipv6'));
      },
    ),
    { numRuns: 1000 },
  );
});

test('whether a text is an address is what node:net says', () => {
  const nearly = fc.oneof(
    four,
    six,
    fc.ipV4(),
    fc.ipV6(),
    fc.string({ unit: fc.constantFrom(...Array.from('0123456789abcf:.')) }),
  );
  fc.assert(
    fc.property(nearly, (text) => {
      expect(addressKey(text) !== undefined).toBe(isIP(text) !== 0);
    }),
    { numRuns: 2000 },
  );
});

test('keys order as addresses do', () => {
  fc.assert(
    fc.property(fc.tuple(byte, byte, byte, byte), fc.tuple(byte, byte, byte, byte), (a, b) => {
      const number = (bytes: readonly number[]) => bytes.reduce((sum, part) => sum * 256 + part, 0);
      const [first = '', second = ''] = [addressKey(a.join('.')), addressKey(b.join('.'))];
      expect(first < second).toBe(number(a) < number(b));
    }),
  );
});

test('a mapped IPv4 address is the IPv4 address, and so is its network', () => {
  expect(addressKey('::ffff:203.0.113.7')).toBe(addressKey('203.0.113.7'));
  expect(holds('::ffff:203.0.113.0/120', '203.0.113.7')).toBe(true);
  expect(holds('::ffff:203.0.113.0/120', '203.0.114.7')).toBe(false);
  expect(parseAddressRange('::ffff:203.0.113.0/120')).toEqual(parseAddressRange('203.0.113.0/24'));
});

test('a network of IPv6 is widened to what is stored of it, and no other one', () => {
  const widened = (text: string, bits: number) => widenRange(parseAddressRange(text), bits);
  expect(widened('2001:db8:aaaa:bbbb:cccc::1', 64)).toEqual(parseAddressRange('2001:db8:aaaa:bbbb::/64'));
  expect(widened('2001:db8:aaaa:bbbb:cccc::1', 48)).toEqual(parseAddressRange('2001:db8:aaaa::/48'));
  expect(widened('2001:db8:aaaa:bbbb::/64', 32)).toEqual(parseAddressRange('2001:db8::/32'));
  for (const text of ['2001:db8::/32', '2001:db8::/20', '203.0.113.7', '::ffff:203.0.113.7'])
    expect(widened(text, 32)).toEqual(parseAddressRange(text));
  expect(widened('2001:db8::1', 128)).toEqual(parseAddressRange('2001:db8::1'));
});

test.each([
  '', 'localhost', '203.0.113', '203.0.113.256', '203.0.113.7/33', '203.0.113.7/-1', '203.0.113.7/', '203.0.113.7/8/8', '203.0.113.07',
  '0x7f.1', ' 203.0.113.7', '203.0.113.7:443', '2001:db8::/129', '2001:db8:::1', 'fe80::1%eth0', '[::1]', '::ffff:1.2.3.4/95', '1.2.3.4/ 8',
])('%j is no address or network', (text) => {
  expect(() => parseAddressRange(text)).toThrow(InvalidValueError);
}); // prettier-ignore
