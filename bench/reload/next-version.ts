import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Registry } from '@tandem/schemas';
import { variantName } from '@tandem/shared/registry';

const SHIPPED = join(import.meta.dirname, '../../models');

/** Name of the version that is promoted. */
export const NEXT = 'next';

interface Golden {
  cases: { model: string; precision: string; version: string }[];
}

function change<T>(file: string, by: (content: T) => void): void {
  const content = JSON.parse(readFileSync(file, 'utf8')) as T;
  by(content);
  writeFileSync(file, JSON.stringify(content));
}

/**
 * The shipped models in a folder, with a second version of one variant: the same graphs in files of their own, and golden answers that name it, so that everything
 * is loaded, warmed and checked as for another one.
 * @throws {Error} where there is no such variant
 */
export function withNextVersion(folder: string, name: string): string {
  const models = join(folder, 'models');
  cpSync(SHIPPED, models, { recursive: true });
  change<Registry>(join(models, 'registry.json'), (registry) => {
    const stable = registry.models.find((variant) => variantName(variant) === name && variant.status === 'stable');
    if (stable === undefined) throw new Error(`--variant ${name}: one of ${registry.models.map(variantName).join(', ')}`);
    const graphs = structuredClone(stable.graphs);
    for (const graph of Object.values(graphs)) {
      const file = join(NEXT, graph.file);
      cpSync(join(models, graph.file), join(models, file));
      graph.file = file;
    }
    registry.models.push({ ...stable, version: NEXT, status: 'canary', graphs });
    change<Golden>(join(models, 'golden.json'), ({ cases }) => {
      const own = cases.filter((one) => variantName(one) === name && one.version === stable.version);
      cases.push(...own.map((one) => ({ ...one, version: NEXT })));
    });
  });
  return models;
}
