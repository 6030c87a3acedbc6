/** Names of variables that hold secrets. */
const SECRET_NAME = /SECRET|PASSWORD|PASSWD|TOKEN|API_?KEY|PRIVATE_?KEY/i;
/** Characters. A shorter value may be a common word. */
const SHORTEST = 16;

/**
 * Secrets of the environment by the names of their variables: they must be hidden before a configuration says which
 * variables it uses. Better Auth's list of secrets has the form `2:secret,1:secret`.
 */
export function environmentSecrets(env: Readonly<Record<string, string | undefined>>): readonly string[] {
  return Object.entries(env)
    .filter(([name]) => SECRET_NAME.test(name))
    .flatMap(([, value = '']) => [value, ...value.split(',').map((one) => one.replace(/^\d+:/, ''))])
    .filter((secret) => secret.length >= SHORTEST);
}
