import { expect, test } from 'vitest';
import { InvalidValueError } from '../../src/sessions/invalid-value.ts';
import { parseSelection } from '../../src/sessions/parse-selection.ts';

test('options that were not given are no conditions', () => {
  expect(parseSelection({}, 'active')).toEqual({
    users: [],
    ips: [],
    userAgents: [],
    createdAfter: null,
    createdBefore: null,
    activeAfter: null,
    idleSince: null,
    expiresBefore: null,
    expiresAfter: null,
    impersonated: false,
    impersonators: [],
    state: 'active',
    exceptUsers: [],
    exceptSessions: [],
    exceptIps: [],
  });
  expect(parseSelection({}, 'all').state).toBe('all');
});

test('repeats of one option are all kept', () => {
  const request = parseSelection(
    { user: ['a', 'b'], ip: ['203.0.113.7', '192.0.2.0/24'], userAgent: ['x', 'x'] },
    'active',
  );
  expect(request.users).toEqual(['a', 'b']);
  expect(request.ips.map(({ prefixLength }) => prefixLength)).toEqual([32, 24]);
  expect(request.userAgents).toEqual(['x', 'x']);
});

test.each([
  [{ user: ['a', ''] }, '--user was given an empty value'],
  [{ userAgent: [' '] }, '--user-agent was given an empty value'],
  [{ impersonatedBy: [''] }, '--impersonated-by was given an empty value'],
  [{ exceptSession: [''] }, '--except-session was given an empty value'],
  [{ ip: [''] }, '--ip was given an empty value'],
  [{ ip: ['203.0.113.0/33'] }, '--ip: "203.0.113.0/33" is not an IP address or network'],
  [{ exceptIp: ['nowhere'] }, '--except-ip: "nowhere" is not an IP address or network'],
  [{ createdAfter: '' }, '--created-after: "" is not a time'],
  [{ idleSince: '2026-02-30' }, '--idle-since: "2026-02-30" is not a time'],
  [{ state: 'actve' }, '--state: "actve" is not a state'],
])('%j is refused by name', (words, message) => {
  expect(() => parseSelection(words, 'active')).toThrow(
    expect.objectContaining({ name: InvalidValueError.name, message }),
  );
});

test('the hint for a state names the nearest one', () => {
  expect(() => parseSelection({ state: 'actve' }, 'active')).toThrow(
    expect.objectContaining({ hint: 'Did you mean active? Use one of active, expired, all.' }),
  );
});
