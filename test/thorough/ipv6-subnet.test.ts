import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { signIn, signUp, type App, type AppOptions, type SignIn } from '../support/app.ts';
import { operatorOn } from '../support/operator.ts';
import type { TestProfile } from '../support/run-sessionctl.ts';
import { deploySecondary, whichAnswer } from '../support/secondary.ts';
import { describeOn, describeOnRedis } from '../support/servers.ts';
import { deploy, ownShape } from '../support/shapes.ts';

interface Setting {
  readonly url: string;
  readonly app: App;
  readonly profile: TestProfile;
  readonly drop: () => Promise<unknown>;
}

const CLIENTS = ['2001:db8:aaaa:bbbb::1', '2001:db8:aaaa:cccc::2', '2001:db8:ffff:1::3', '203.0.113.7'];

type Masking = NonNullable<NonNullable<AppOptions['advanced']>['ipAddress']>['ipv6Subnet'];

/** What operators see of an application that stores so many bits. */
function behaves(deployWith: (options: Pick<AppOptions, 'advanced'>) => Promise<Setting>): void {
  describe.each([48, 32, 128] as const)('stored by their /%i', (bits) => {
    let setting: Setting;
    let signIns: readonly SignIn[];
    const operator = (ipv6Subnet?: number) =>
      operatorOn(
        setting.url,
        ipv6Subnet === undefined ? setting.profile : { ...setting.profile, ipv6Subnet },
      );

    beforeAll(async () => {
      const ipv6Subnet: Masking = bits;
      setting = await deployWith({ advanced: { ipAddress: { ipv6Subnet } } });
      const ada = await signUp(setting.app, 'Ada', 'ada@example.com');
      const all: SignIn[] = [];
      for (const ip of CLIENTS) all.push(await signIn(setting.app, ada, { ip, userAgent: 'test' }));
      signIns = all;
    });
    afterAll(() => setting.drop());

    const first = '2001:db8:aaaa:bbbb::1';
    const network = { 32: '2001:db8::/32', 48: '2001:db8:aaaa::/48', 128: '' }[bits];
    const meant = { 32: 3, 48: 2, 128: 1 }[bits];
    const means = (option: string) =>
      `The application stores IPv6 addresses as their /${String(bits)}, so ${option} ${first} means ${network}.`;

    test('lists and plans widen to that and say so', async () => {
      const list = await operator(bits).run(['list', '--ip', first, '-o', 'ids']);
      expect(list.stdout.trim().split('\n')).toHaveLength(meant);
      const plan = await operator(bits).run(['revoke-all', '--ip', first, '--dry-run']);
      expect(plan.stdout).toContain(`${String(meant)} session`);
      if (bits === 128) {
        expect(list.stderr).toBe('');
        expect(plan.stdout).not.toContain('IPv6');
      } else {
        expect(list.stderr).toContain(`note: ${means('--ip')}\n`);
        expect(plan.stdout.replaceAll(/\s+/g, ' ')).toContain(means('--ip'));
        expect(list.stderr).not.toContain('ipv6_subnet');
      }
    });

    test('without the setting, lists and plans say that the addresses look otherwise', async () => {
      const list = await operator().run(['list', '--ip', first, '-o', 'ids']);
      const plan = await operator().run(['revoke-all', '--ip', first, '--dry-run']);
      const expected =
        bits === 128
          ? '3 of 3 IPv6 addresses in a sample are longer than the /64 of ipv6_subnet'
          : `All 3 IPv6 addresses in a sample have zeros after their /${String(bits)}, and ipv6_subnet is 64: --ip may miss sessions. If advanced.ipAddress.ipv6Subnet of the application is ${String(bits)}, set ipv6_subnet = ${String(bits)}`;
      expect(list.stderr).toContain(expected);
      expect(plan.stdout.replaceAll(/\s+/g, ' ')).toContain(expected);
      if (bits === 128) return;
      expect(list.stdout).toBe('');
      const quiet = await operator().run(['revoke-all', '--ip', first, '--yes', '-q', '--json']);
      expect(JSON.parse(quiet.stdout)).toMatchObject({ matched: 0 });
      expect(quiet.stderr).toContain(expected);
    });

    test('a wider network needs no word', async () => {
      for (const words of [['--ip', '2001:db8::/32'], ['--ip', '203.0.113.7'], []])
        expect((await operator().run(['list', ...words, '-o', 'ids'])).stderr).toBe('');
    });

    test('doctor notices it, and is content where the setting says so', async () => {
      const check = async (ipv6Subnet?: number) => {
        const { stdout } = await operator(ipv6Subnet).run(['doctor', '--json']);
        const { checks } = JSON.parse(stdout) as {
          readonly checks: readonly { id: string; status: string; remedy: { text: string } | null }[];
        };
        return checks.find(({ id }) => id === 'ipv6-subnet');
      };
      const wrong = await check();
      expect(wrong?.status).toBe('warn');
      expect(wrong?.remedy?.text).toContain(`[profiles.test.ip]\nipv6_subnet = ${String(bits)}`);
      expect(await check(bits)).toMatchObject({ status: 'ok', remedy: null });
    });

    test('what may be excepted stays, by Better Auth’s own judgement, and the rest ends', async () => {
      const { code, stderr } = await operator(bits).run([
        'revoke-all', '--everyone', '--except-ip', first, '--yes', '--max-affected', '9',
      ]); // prettier-ignore
      expect(code).toBe(0);
      if (bits !== 128) expect(stderr.replaceAll(/\s+/g, ' ')).toContain(means('--except-ip'));
      expect(await whichAnswer(setting.app, signIns)).toEqual(signIns.slice(0, meant));
      const both = ['--ip', '2001:db8:aaaa:cccc::2', '--except-ip', first];
      const refused = await operator(bits).run(['revoke-all', ...both, '--yes']);
      expect(refused.code).toBe(bits === 128 ? 0 : 2);
      expect((await operator(bits).run(['revoke-all', '--ip', first, '--yes'])).code).toBe(0);
      expect(await whichAnswer(setting.app, signIns)).toEqual([]);
    });
  });
}

describe.each(['postgresql', 'mysql', 'sqlite'] as const)('IPv6 addresses on %s', (dialect) => {
  describeOn(dialect, 'are what is stored of them', () => {
    behaves(async (options) => {
      const { database, app } = await deploy(ownShape(dialect, 'masked', { options }));
      return { url: database.url, app, profile: { timeZone: 'UTC' }, drop: () => database.drop() };
    });
  });
});

describeOnRedis('IPv6 addresses in Redis', () => {
  behaves(async (options) => {
    const { database, app, profile, drop } = await deploySecondary({
      dialect: 'sqlite', mode: 'secondary only', storage: 'official', options,
    }); // prettier-ignore
    return { url: database.url, app, profile, drop };
  });
});

describeOn('sqlite', 'an application that has changed its masking', () => {
  test('has sessions that are noticed one by one', async () => {
    const { database, app } = await deploy(ownShape('sqlite', 'masked'));
    const ada = await signUp(app, 'Ada', 'ada@example.com');
    for (const ip of CLIENTS) await signIn(app, ada, { ip, userAgent: 'test' });
    await database.query(
      `UPDATE session SET ipAddress = '2001:0db8:aaaa:0000:0000:0000:0000:0000' WHERE ipAddress LIKE '%:cccc:%'`,
    );
    const operator = operatorOn(database.url, { timeZone: 'UTC' });
    const list = await operator.run(['list', '--ip', '2001:db8:aaaa:cccc::2', '-o', 'ids']);
    expect(list.stdout).toBe('');
    expect(list.stderr).toContain(
      '1 session may match --ip and is not treated as a match: its address is stored as the /48 of what was asked for.',
    );
    const kept = await operator.run([
      'revoke-all', '--everyone', '--except-ip', '2001:db8:aaaa:cccc::2', '--dry-run',
    ]); // prettier-ignore
    expect(kept.stdout.replaceAll(/\s+/g, ' ')).toContain('1 session may match --except-ip');
    await database.drop();
  });
});
