import type { Environment } from './environment.ts';
import { exposureWarnings, understand } from './load.ts';
import type { Problem } from './problem.ts';
import { contradictoryRedis } from './without-redis.ts';
import { readReferencedFile, referencedFiles } from './referenced-file.ts';

export interface CheckReport {
  readonly path: string;
  readonly profiles: readonly string[];
  readonly problems: readonly Problem[];
  readonly warnings: readonly string[];
}

/**
 * All problems of a configuration file, in every profile, including unset variables and unreadable files. Commands are
 * not run.
 * @throws ConfigError where the file cannot be read at all
 */
export async function checkConfig(path: string, env: Environment): Promise<CheckReport> {
  const document = await understand(path, env);
  const files = [...(document.file?.profiles ?? [])].flatMap(([name, profile]) =>
    referencedFiles(name, profile),
  );
  const reads = await Promise.all(files.map((file) => readReferencedFile(file, document)));
  const problems = [
    ...document.problems,
    ...[...(document.file?.profiles ?? [])].flatMap(
      ([name, profile]) => contradictoryRedis(name, profile, document, env) ?? [],
    ),
    ...document.unset.map(({ problem }) => problem),
    ...reads.flatMap((read) => ('problem' in read ? [read.problem] : [])),
  ];
  return {
    path,
    profiles: document.names,
    problems: problems.sort((a, b) => a.line - b.line),
    warnings: exposureWarnings(document),
  };
}
