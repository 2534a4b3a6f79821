import { stringify } from 'yaml';
import { asyncApiDocument } from './asyncapi.ts';
import { publicSchemas, toJsonSchema } from './json-schemas.ts';
import { topicsDocument } from './topics-table.ts';

export const GENERATED_FOLDER = 'schemas/generated';

/** Every generated file's text, by its path from the repository's root. */
export function documents(): Map<string, string> {
  const schemas = publicSchemas.map((schema): [string, string] => [
    `${GENERATED_FOLDER}/${schema.file}.schema.json`,
    `${JSON.stringify(toJsonSchema(schema, 'draft-2020-12'), null, 2)}\n`,
  ]);
  return new Map([
    ...schemas,
    [`${GENERATED_FOLDER}/asyncapi.yaml`, stringify(asyncApiDocument(), { lineWidth: 0, aliasDuplicateObjects: false })],
    ['docs/topics.md', topicsDocument()],
  ]);
}

/** What is wrong with the files on disk, one line each; empty: they are what the schemas say. */
export function drift(expected: ReadonlyMap<string, string>, actual: ReadonlyMap<string, string>): string[] {
  const different = [...expected].flatMap(([path, text]) => {
    const found = actual.get(path);
    if (found === undefined) return [`${path} is missing`];
    return found === text ? [] : [`${path} differs from the schemas`];
  });
  const left = [...actual.keys()].filter((path) => !expected.has(path)).map((path) => `${path} is not generated any more`);
  return [...different, ...left];
}
