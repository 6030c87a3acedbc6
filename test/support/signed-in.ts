import { afterEach, expect } from 'vitest';
import { everySession, signIn, signUp, type Person, type SignIn } from './app.ts';
import { operatorOn, secretsOf, type Operator } from './operator.ts';
import type { TestProfile } from './run-sessionctl.ts';
import { deploy, type Deployment, type Shape } from './shapes.ts';

const client = { ip: '192.0.2.1', userAgent: 'Firefox' };

/** Somebody with three sessions, and an operator. */
export interface SignedIn {
  readonly deployment: Deployment;
  readonly operator: Operator;
  readonly ada: Person;
  readonly signIns: readonly SignIn[];
  /** The ids of Ada's sessions, in the order of `signIns`. */
  readonly ids: readonly string[];
  /** One of them. */
  readonly stubborn: string;
}

const scenes: SignedIn[] = [];

afterEach(async () => {
  for (const { deployment, operator, signIns } of scenes.splice(0)) {
    const leaked = operator.sawAny(signIns.flatMap(secretsOf));
    await deployment.database.drop();
    expect(leaked).toEqual([]);
  }
});

/** Ada is signed in three times. The database is dropped after the test, and no secret has been seen by then. */
export async function signedInThrice(shape: Shape, profile?: TestProfile): Promise<SignedIn> {
  const deployment = await deploy(shape);
  const { app, database } = deployment;
  const ada = await signUp(app, 'Ada', 'ada@example.com');
  const signIns = [
    await signIn(app, ada, client),
    await signIn(app, ada, client),
    await signIn(app, ada, client),
  ];
  const truths = await everySession(app, [ada.id]);
  const ids = signIns.map(({ token }) => truths.find((truth) => truth.token === token)?.id ?? '');
  const operator = operatorOn(database.url, profile);
  const scene = { deployment, operator, ada, signIns, ids, stubborn: ids[1] ?? '' };
  scenes.push(scene);
  return scene;
}

/** Which of the sessions Better Auth takes for valid. */
export const areIn = ({ deployment, signIns }: SignedIn) =>
  Promise.all(
    signIns.map(async ({ cookie }) => {
      const query = { disableRefresh: true };
      return (await deployment.app.api.getSession({ headers: { cookie }, query })) !== null;
    }),
  );
