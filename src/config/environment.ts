import type { System } from '../system.ts';

/**
 * A variable's value. An empty variable counts as unset, since `NAME= sessionctl …` is how a shell unsets one for a
 * command.
 */
export type Environment = (name: string) => string | undefined;

export function environmentOf(env: System['env']): Environment {
  return (name) => {
    const value = env[name];
    return value === '' ? undefined : value;
  };
}
