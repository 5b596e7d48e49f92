import fc from 'fast-check';
import { addressBeforePort } from '../../lib/auth/trustedProxy.ts';
import { addressKey } from '../../lib/limits/address.ts';

describe('the key of an address', () => {
  it.each([
    ['203.0.113.7', '203.0.113.7'],
    ['::ffff:203.0.113.7', '203.0.113.7'],
    ['::FFFF:203.0.113.7', '203.0.113.7'],
    ['::ffff:cb00:7107', '203.0.113.7'],
    ['0:0:0:0:0:ffff:203.0.113.7', '203.0.113.7'],
    ['0000:0000:0000:0000:0000:ffff:cb00:7107', '203.0.113.7'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:0DB8:0001:0002:ffff:ffff:ffff:ffff', '2001:db8:1:2::/64'],
    ['2001:db8:1:2::', '2001:db8:1:2::/64'],
    ['2001:db8:1:2::1', '2001:db8:1:2::/64'],
    ['2001:db8::1', '2001:db8:0:0::/64'],
    ['2001:db8::9:0:0:0:1', '2001:db8:0:9::/64'],
    ['2001:db8::192.0.2.1', '2001:db8:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['fe80::2%25en1', 'fe80:0:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
    ['::', '0:0:0:0::/64'],
    ['1::', '1:0:0:0::/64'],
    // No mapped address, for all that it looks like one.
    ['::ffff:0:203.0.113.7', '0:0:0:0::/64'],
    ['::203.0.113.7', '0:0:0:0::/64'],
    ['64:ff9b::203.0.113.7', '64:ff9b:0:0::/64'],
  ])('of %s is %s', (address, key) => {
    expect(addressKey(address)).toBe(key);
  });

  it.each(['', 'unknown', '203.0.113', '2001:db8:::1', '1:2:3:4:5:6:7:8:9', 'localhost'])(
    'of what is no address is itself: "%s"',
    (address) => {
      expect(addressKey(address)).toBe(address);
    },
  );

  it('is one for a network however its addresses are written, and another for another network', () => {
    fc.assert(
      fc.property(fc.ipV6(), fc.bigInt(0n, 2n ** 64n - 1n), (address, interfaceId) => {
        const key = addressKey(address);
        if (!key.endsWith('/64')) return;
        const groups = [48n, 32n, 16n, 0n].map((bits) => ((interfaceId >> bits) & 0xffffn).toString(16));
        const sameNetwork = `${key.replace('::/64', '')}:${groups.join(':')}`;
        if (/^0:0:0:0:0:ffff:/.test(sameNetwork)) return;
        expect(addressKey(sameNetwork)).toBe(key);
        expect(addressKey(sameNetwork.toUpperCase())).toBe(key);
        const [first = '', ...rest] = sameNetwork.split(':');
        const other = [(Number.parseInt(first, 16) ^ 0x100).toString(16), ...rest].join(':');
        expect(addressKey(other)).not.toBe(key);
      }),
    );
  });
});

describe('the address before a port', () => {
  it.each([
    ['198.51.100.10:46532', '198.51.100.10'],
    [' 198.51.100.10:46532 ', '198.51.100.10'],
    ['2001:db8::1:46532', '2001:db8::1'],
    ['2001:db8:0:0:0:0:0:1:443', '2001:db8:0:0:0:0:0:1'],
    ['[2001:db8::1]:46532', '2001:db8::1'],
    ['::ffff:198.51.100.10:80', '::ffff:198.51.100.10'],
  ])('of %s is %s', (given, address) => {
    expect(addressBeforePort(given)).toBe(address);
  });

  it.each([
    '',
    '198.51.100.10',
    '198.51.100.10:',
    '198.51.100.10:65536',
    '198.51.100.10:80, 203.0.113.1:80',
    'example.com:80',
    '[198.51.100.10:80',
    ':80',
  ])('is none in "%s"', (given) => {
    expect(addressBeforePort(given)).toBeNull();
  });
});
