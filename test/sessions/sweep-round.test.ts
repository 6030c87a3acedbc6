import { expect, it } from 'vitest';
import { roundFrom } from '../../src/sessions/sweep-round.ts';

const places = ['sessions', 'verifications', 'redis'] as const;
const whole = { from: null, until: null };

it('goes through everything in order, from the beginning', () => {
  expect(roundFrom(places, 'sessions', null)).toEqual(places.map((place) => ({ place, stretch: whole })));
});

it('begins where another one stopped, and comes round to there at last', () => {
  expect(roundFrom(places, 'sessions', 'page 7')).toEqual([
    { place: 'sessions', stretch: { from: 'page 7', until: null } },
    { place: 'verifications', stretch: whole },
    { place: 'redis', stretch: whole },
    { place: 'sessions', stretch: { from: null, until: 'page 7' } },
  ]);
});

it('begins in any of the places, and leaves out none', () => {
  expect(roundFrom(places, 'verifications', 'text x')).toEqual([
    { place: 'verifications', stretch: { from: 'text x', until: null } },
    { place: 'redis', stretch: whole },
    { place: 'sessions', stretch: whole },
    { place: 'verifications', stretch: { from: null, until: 'text x' } },
  ]);
  expect(roundFrom(places, 'verifications', null).map(({ place }) => place)).toEqual([
    'verifications',
    'redis',
    'sessions',
  ]);
});
