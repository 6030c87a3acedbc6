import { Command, type Option } from 'commander';
import { describe, expect, it } from 'vitest';
import { loadDefinitions } from '../src/commands/catalogue.ts';
import { runMain } from './support/fake-system.ts';

/** What an operator may paste where something else is meant. */
const planted: readonly (readonly [what: string, secret: string])[] = [
  ['a token', 'q7Zb1dKf93LmXw0TtYc5RhVuNs8aEgJp'],
  [
    'the value of a cookie',
    'q7Zb1dKf93LmXw0TtYc5RhVuNs8aEgJp.k2J7mPz0xW4bQ9yT1rVdE6sHfUuGcLn3aBoIiXw5M%2BY%3D',
  ],
  ['a secret as openssl makes it', 'Zk3/9tLq+Vw1/xR8sYb2Nc7/uHd5Gf0/aPm4Ej6Ti/8='],
  ['the secret of the environment', 'correct horse "battery" staple'],
  ['a long secret of the environment', 'correct horse, battery staple; '.repeat(9)],
];
const env = {
  BETTER_AUTH_SECRET: 'correct horse "battery" staple',
  BETTER_AUTH_SECRETS: `2:${'correct horse, battery staple; '.repeat(9)}`,
};

const definitions = await loadDefinitions();
const optionsOf = (configure: (command: Command) => Command): readonly Option[] =>
  configure(new Command()).options.filter(({ required, optional }) => required || optional);

describe.each(planted)('%s that is typed where it does not belong', (_, secret) => {
  const cases = [
    [secret],
    ['help', secret],
    ['config', secret],
    [`--${secret}`],
    ...['--profile', '--config', '--url', '--time-zone', '--output'].map((name) => ['list', name, secret]),
    ...['--profile', '--config', '--url', '--time-zone', '--output'].map((name) => [
      'list',
      `${name}=${secret}`,
    ]),
    ...definitions.flatMap(({ words, configure }) => [
      [...words, secret],
      [...words, `--${secret}`],
      [...words, '--unknown', secret],
      [...words, `--unknown=${secret}`],
      ...optionsOf(configure).flatMap(({ long }) => [
        [...words, long ?? '', secret],
        [...words, `${long ?? ''}=${secret}`],
        [...words, long ?? '', `--${secret}`],
        [...words, long ?? '', secret, long ?? '', secret],
      ]),
    ]),
  ];
  it('is not repeated', async () => {
    const pieces = [secret, secret.slice(0, 20), secret.slice(-20)];
    const forms = pieces.flatMap((piece) => [piece, JSON.stringify(piece).slice(1, -1)]);
    const shown: unknown[] = [];
    for (const words of cases) {
      const { stdout, stderr } = await runMain([...words, '--json', '--verbose'], { env, cwd: '/nowhere' });
      const output = stdout + stderr;
      if (forms.some((form) => output.includes(form))) shown.push({ words, output });
    }
    expect(shown).toEqual([]);
  });
});
