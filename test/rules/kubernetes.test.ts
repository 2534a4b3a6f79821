import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { DEFAULT_PARTITIONS, STAGE_NAMES } from '@tandem/schemas';
import { environmentName, loadSettings, settingNames } from '@tandem/shared/config';
import { createMetrics } from '@tandem/shared/telemetry';
import { parse, parseAllDocuments } from 'yaml';

const FOLDER = join(import.meta.dirname, '../../deploy/kubernetes');
const STATUS_PORT = loadSettings({}).httpPort;
const GATEWAY_PORT = 8080;
/** What `tandem stage` takes besides stages: all but the workers in one process. */
const CHAINS = ['edge'];

interface Probe { httpGet: { path: string; port: string } }
interface Container {
  name: string;
  image: string;
  args: string[];
  env: { name: string; value?: string }[];
  envFrom: { configMapRef: { name: string } }[];
  ports: { name: string; containerPort: number }[];
  startupProbe: Probe;
  livenessProbe: Probe;
  readinessProbe: Probe;
  volumeMounts: { name: string; mountPath: string }[];
  securityContext: object;
}
interface Pod {
  terminationGracePeriodSeconds: number;
  enableServiceLinks: boolean;
  securityContext: object;
  containers: [Container];
  volumes: { name: string; secret: { secretName: string; optional?: boolean } }[];
}
interface Labels { stage: string }
interface Manifest {
  kind: string;
  metadata: { name: string };
  spec: {
    replicas?: number;
    selector: Labels & { matchLabels: Labels };
    template: { metadata: { labels: Labels; annotations: Record<string, string> }; spec: Pod };
    ports: { targetPort: string }[];
    scaleTargetRef: { name: string };
    maxReplicaCount: number;
    triggers: { metadata: { query: string } }[];
  };
}

const read = (file: string) => readFileSync(join(FOLDER, file), 'utf8');
const files = readdirSync(FOLDER).filter((file) => file.endsWith('.yaml') && file !== 'kustomization.yaml');
const documents = files.flatMap((file) => parseAllDocuments(read(file)));
const manifests = documents.map((document) => document.toJS() as Manifest);
const ofKind = (kind: string) => manifests.filter((manifest) => manifest.kind === kind);
const deployments = ofKind('Deployment').map(({ metadata, spec }) => ({ name: metadata.name, ...spec, pod: spec.template.spec, container: spec.template.spec.containers[0] }));
const kustomization = parse(read('kustomization.yaml')) as {
  resources: string[];
  images: { name: string }[];
  configMapGenerator: { name: string; envs: string[] }[];
};
const known = new Set(settingNames.map(environmentName));

/** Variables of settings.env; with those that stand there to be taken in, too. */
function settingsFile(text: string): Record<string, string> {
  const entries = text.split('\n').flatMap((line) => { const [, name, value] = /^(\w+)=(.*)$/.exec(line) ?? []; return name === undefined ? [] : [[name, value ?? ''] as const]; });
  return Object.fromEntries(entries);
}
const settings = settingsFile(read('settings.env'));
const allSettings = settingsFile(read('settings.env').replaceAll(/^#(?=TANDEM_)/gm, ''));

test('the manifests are whole, and the kustomization names all of them', () => {
  expect(documents.flatMap(({ errors }) => errors)).toEqual([]);
  expect(deployments.map(({ name }) => name)).toEqual(['tandem-edge', 'tandem-gateway', 'tandem-worker']);
  const optional = [...read('kustomization.yaml').matchAll(/^ {2}# - (\S+)$/gm)].map(([, file]) => file);
  expect([...kustomization.resources, ...optional].toSorted()).toEqual(files.toSorted());
});

test('every process is started by a command and settings that there are', () => {
  for (const { name, container, pod } of deployments) {
    const [command, stage] = container.args;
    expect(['stage', 'gateway'], name).toContain(command);
    if (command === 'stage') expect([...STAGE_NAMES, ...CHAINS], name).toContain(stage);
    expect(container.env.map((each) => each.name).filter((each) => !known.has(each)), name).toEqual([]);
    expect(container.envFrom.map(({ configMapRef }) => configMapRef.name), name).toEqual(kustomization.configMapGenerator.map((each) => each.name));
    expect(kustomization.images.map((image) => image.name), name).toContain(container.image);
    const environment = Object.fromEntries(container.env.flatMap((each) => (each.value === undefined ? [] : [[each.name, each.value]])));
    expect(() => loadSettings({ environment: { ...settings, ...environment } }), name).not.toThrow();
    expect(pod.terminationGracePeriodSeconds * 1_000, name).toBeGreaterThan(loadSettings({ environment: settings }).drainTimeoutMs);
  }
});

test('settings.env has settings alone, and its examples go together', () => {
  expect(kustomization.configMapGenerator.flatMap(({ envs }) => envs)).toEqual(['settings.env']);
  expect(Object.keys(allSettings).filter((name) => !known.has(name))).toEqual([]);
  expect(Object.keys(allSettings).length).toBeGreaterThan(Object.keys(settings).length);
  expect(() => loadSettings({ environment: { ...allSettings, TANDEM_REDIS: 'rediss://redis:6379' } })).not.toThrow();
});

test('every file that a setting names lies in a Secret that is mounted', () => {
  for (const { name, container, pod } of deployments) {
    const environment = { ...allSettings, ...Object.fromEntries(container.env.map((each) => [each.name, each.value ?? ''])) };
    const mounted = container.volumeMounts.map(({ mountPath }) => mountPath);
    for (const path of Object.values(environment).filter((value) => value.startsWith('/'))) expect(mounted.some((folder) => path.startsWith(`${folder}/`)), `${name} ${path}`).toBe(true);
    expect(container.volumeMounts.map((mount) => mount.name).toSorted(), name).toEqual(pod.volumes.map((volume) => volume.name).toSorted());
  }
});

test('probes, Prometheus and the Service ask ports that are listened on', () => {
  for (const { name, container, template } of deployments) {
    const ports = new Map(container.ports.map((port) => [port.name, port.containerPort]));
    const probes = [container.startupProbe, container.livenessProbe, container.readinessProbe];
    expect(probes.map(({ httpGet }) => httpGet.path), name).toEqual(['/healthz', '/healthz', '/readyz']);
    expect(probes.map(({ httpGet }) => ports.get(httpGet.port)), name).toEqual([STATUS_PORT, STATUS_PORT, STATUS_PORT]);
    expect(template.metadata.annotations['prometheus.io/port'], name).toBe(String(STATUS_PORT));
  }
  const gateway = deployments.find(({ container }) => container.args[0] === 'gateway')!;
  const [service] = ofKind('Service');
  expect(service?.spec.selector).toEqual(gateway.template.metadata.labels);
  expect(service?.spec.ports.map(({ targetPort }) => gateway.container.ports.find((port) => port.name === targetPort)?.containerPort)).toEqual([GATEWAY_PORT]);
});

test('Kubernetes’ variables of Services do not get among the settings', () => {
  const variables = ofKind('Service').map(({ metadata }) => `${metadata.name.replaceAll('-', '_').toUpperCase()}_PORT`);
  expect(variables.filter((name) => known.has(name))).toEqual(['TANDEM_GATEWAY_PORT']);
  expect(deployments.map(({ pod }) => pod.enableServiceLinks)).toEqual([false, false, false]);
});

test('nobody is root, and nothing is written', () => {
  for (const { name, pod, container } of deployments) {
    expect(pod.securityContext, name).toMatchObject({ runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } });
    expect(container.securityContext, name).toEqual({ allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ['ALL'] } });
  }
});

test('labels fit together, and each deployment has its budget', () => {
  for (const { name, selector, template } of deployments) expect(template.metadata.labels, name).toEqual(selector.matchLabels);
  expect(ofKind('PodDisruptionBudget').map(({ spec }) => spec.selector.matchLabels.stage)).toEqual(deployments.map(({ template }) => template.metadata.labels.stage));
});

test('no more processes than partitions', () => {
  expect(Number(settings['TANDEM_PARTITIONS'])).toBe(DEFAULT_PARTITIONS);
  for (const { name, replicas = 1, container } of deployments) if (container.args[0] === 'stage') expect(replicas, name).toBeLessThanOrEqual(DEFAULT_PARTITIONS);
});

test('the scaler is of the workers, whose number nobody else sets, and asks for a metric that there is', () => {
  const [scaled] = ofKind('ScaledObject');
  const workers = deployments.find(({ name }) => name === scaled?.spec.scaleTargetRef.name);
  expect(workers?.container.args).toEqual(['stage', 'worker']);
  expect(workers?.replicas).toBeUndefined();
  expect(scaled?.spec.maxReplicaCount).toBeLessThanOrEqual(DEFAULT_PARTITIONS);
  const metrics = new Set((createMetrics({ processMetrics: false }).registry.getMetricsAsArray() as unknown as { name: string }[]).map(({ name }) => name));
  const asked = (scaled?.spec.triggers ?? []).flatMap(({ metadata: { query } }) => query.match(/\btandem_\w+/g) ?? []);
  expect(asked).toEqual(['tandem_wanted_workers']);
  expect(asked.filter((name) => !metrics.has(name))).toEqual([]);
});
