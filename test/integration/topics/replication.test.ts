import { randomUUID } from 'node:crypto';
import { loadSettings } from '@tandem/shared/config';
import { REPLICATION_FACTOR } from '@tandem/shared/log';
import { silentLogger, type Logger } from '@tandem/shared/telemetry';
import { expect, inject, test } from 'vitest';
import { openPorts } from '../../../services/cli/compose/ports.ts';
import { ensureTopology, topicsOf } from '../../../services/cli/compose/topology.ts';
import { examine } from '../../../services/cli/doctor/testing.ts';

const flags = (prefix: string) => ({ kafka: inject('kafka'), prefix, logLevel: 'silent' });

test('topics with fewer replicas than are asked for are named by whoever starts, and by the doctor', async () => {
  const prefix = `test-${randomUUID().slice(0, 8)}.`;
  const made = loadSettings({ flags: { ...flags(prefix), replication: 1 } });
  await using ports = await openPorts(made, 'test');
  await ensureTopology(made, ports);
  expect((await ensureTopology(made, ports)).differences).toEqual([]);

  const warnings: unknown[][] = [];
  const logger: Logger = { ...silentLogger, warn: (...said: unknown[]) => void warnings.push(said) };
  const asked = { ...made, replication: 3 };
  const { differences } = await ensureTopology(asked, { ...ports, logger });
  const names = topicsOf(asked, ports).map(({ name }) => name);
  expect(differences).toEqual(names.map((topic) => ({ topic, setting: REPLICATION_FACTOR, expected: '3', actual: '1' })));
  expect(warnings).toEqual([[{ replicas: expect.stringContaining(`${prefix}responses has 1, not 3`) }, expect.stringContaining('kafka-reassign-partitions.sh')]]);

  const [finding, ...more] = await examine({ ...flags(prefix), replication: '3' }, ['topics']);
  expect(more).toEqual([]);
  expect(finding).toMatchObject({ status: 'warning', code: 'topic_replication', message: expect.stringContaining(`${prefix}requests has 1, not 3`), mend: expect.stringContaining('kafka-reassign-partitions.sh') });
});
