/** What the licences of other people's code ask for, and the list of it that a security team reads. */
import { readdirSync, readFileSync } from 'node:fs';
import { Contrib, Enums, Models, Serialize, Spec } from '@cyclonedx/cyclonedx-library';
import { PackageURL } from 'packageurl-js';
import isExpression from 'spdx-expression-parse';

const licenceFactory = new Contrib.License.Factories.LicenseFactory(isExpression);

/** Writes THIRD-PARTY-LICENSES.txt and sbom.cdx.json beside the files, from the modules that are really in them. */
export const notices = {
  name: 'notices',
  generateBundle(_options, bundle) {
    const directories = new Set(
      Object.values(bundle)
        .flatMap((file) => file.moduleIds ?? [])
        .map((id) => /^.*\/node_modules\/(?:@[^/]+\/)?[^/]+(?=\/)/.exec(id)?.[0])
        .filter((directory) => directory !== undefined),
    );
    const texts = [...directories].map(noticeOf).sort((a, b) => a.localeCompare(b));
    this.emitFile({ type: 'asset', fileName: 'THIRD-PARTY-LICENSES.txt', source: texts.join('\n') });
    this.emitFile({ type: 'asset', fileName: 'sbom.cdx.json', source: billOfMaterials([...directories]) });
  },
};

function readPackage(directory) {
  const about = JSON.parse(readFileSync(`${directory}/package.json`, 'utf8'));
  if (about.license === undefined) throw new Error(`${about.name} does not say under which licence it is`);
  return about;
}

function noticeOf(directory) {
  const { name, version, license, author } = readPackage(directory);
  const file = readdirSync(directory).find((entry) =>
    /^(?:licen[cs]e|copying)(?:[.-](?:md|txt|mit))?$/i.test(entry),
  );
  const text =
    file === undefined
      ? `Copyright ${typeof author === 'string' ? author : (author?.name ?? `the authors of ${name}`)}\n`
      : readFileSync(`${directory}/${file}`, 'utf8');
  return `${'='.repeat(80)}\n${name} ${version} (${license})\n\n${text.trim()}\n`;
}

/** Without a serial number and a time: the same packages make the same file. */
function billOfMaterials(directories) {
  const program = componentOf(import.meta.dirname, Enums.ComponentType.Application);
  const bundled = directories.map((directory) => componentOf(directory, Enums.ComponentType.Library));
  // Not among the files: npm installs it beside them where it can.
  const driver = componentOf(
    `${import.meta.dirname}/node_modules/better-sqlite3`,
    Enums.ComponentType.Library,
    Enums.ComponentScope.Optional,
  );
  const bom = new Models.Bom({ metadata: new Models.Metadata({ component: program }) });
  for (const component of [...bundled, driver]) {
    bom.components.add(component);
    program.dependencies.add(component.bomRef);
  }
  const serializer = new Serialize.JsonSerializer(new Serialize.JSON.Normalize.Factory(Spec.Spec1dot6));
  return `${serializer.serialize(bom, { sortLists: true, space: 2 })}\n`;
}

function componentOf(directory, type, scope = Enums.ComponentScope.Required) {
  const { name, version, license } = readPackage(directory);
  const [base, group] = name.split('/').reverse();
  const purl = new PackageURL('npm', group, base, version).toString();
  return new Models.Component(type, base, {
    group,
    version,
    scope,
    purl,
    bomRef: purl,
    licenses: new Models.LicenseRepository([licenceFactory.makeFromString(license)]),
  });
}
