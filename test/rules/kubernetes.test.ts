import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { DEFAULT_PARTITIONS, STAGE_NAMES } from '@tandem/schemas';
import { environmentName, settingNames } from '@tandem/shared/config';
import { createMetrics } from '@tandem/shared/telemetry';
import { parseAllDocuments } from 'yaml';

interface Manifest {
  kind: string;
  metadata: { name: string };
  spec: {
    scaleTargetRef?: { name: string };
    maxReplicaCount?: number;
    triggers?: { type: string; metadata: { query: string } }[];
    template?: { spec: { containers: { args: string[]; env: { name: string }[] }[] } };
  };
}

const text = readFileSync(join(import.meta.dirname, '../../deploy/kubernetes/worker.yaml'), 'utf8');
const documents = parseAllDocuments(text);
const manifests = documents.map((document) => document.toJS() as Manifest);
const [deployment, scaled] = ['Deployment', 'ScaledObject'].map((kind) => manifests.find((manifest) => manifest.kind === kind)!);

test('the manifests are whole, and the scaler is of the deployment', () => {
  expect(documents.flatMap(({ errors }) => errors)).toEqual([]);
  expect(manifests.map(({ kind }) => kind)).toEqual(['Deployment', 'ScaledObject']);
  expect(scaled?.spec.scaleTargetRef?.name).toBe(deployment?.metadata.name);
  expect(scaled?.spec.maxReplicaCount).toBeLessThanOrEqual(DEFAULT_PARTITIONS);
});

test('it asks for metrics that there are', () => {
  const known = new Set((createMetrics({ processMetrics: false }).registry.getMetricsAsArray() as unknown as { name: string }[]).map(({ name }) => name));
  const asked = (scaled?.spec.triggers ?? []).flatMap(({ metadata: { query } }) => query.match(/\btandem_\w+/g) ?? []);
  expect(asked).toEqual(['tandem_wanted_workers']);
  expect(asked.filter((name) => !known.has(name))).toEqual([]);
});

test('it starts a stage by settings that there are', () => {
  const [container] = deployment?.spec.template?.spec.containers ?? [];
  expect(container?.args[0]).toBe('stage');
  expect(STAGE_NAMES).toContain(container?.args[1]);
  const known = new Set(settingNames.map(environmentName));
  expect(container?.env.map(({ name }) => name).filter((name) => !known.has(name))).toEqual([]);
});
