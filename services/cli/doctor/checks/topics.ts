import type { TopicSpec } from '@tandem/schemas';
import { REPLICATION_FACTOR, type TopicDifference } from '@tandem/shared/log';
import { loadRegistry, stableVariants } from '@tandem/shared/registry';
import { FEWER_REPLICAS, hasNot, MORE_REPLICAS, replicationOf, topicsOf } from '../../compose/topology.ts';
import { shellQuoted } from '../../shell-flags.ts';
import { failed, ok, warning, type Finding } from '../finding.ts';
import type { Patient } from '../patient.ts';
import type { Check } from '../run-checks.ts';

const NAMED = 5;

/** What a wrong value of it breaks is silent: records that are lost early, or a clock that is not the broker's. */
function settingFinding({ topic, setting, expected, actual }: TopicDifference, { settings }: Patient): Finding {
  const server = shellQuoted(settings.kafka?.join(',') ?? '');
  const mend = `kafka-configs.sh --bootstrap-server ${server} --alter --entity-type topics --entity-name ${shellQuoted(topic)} --add-config ${shellQuoted(`${setting}=${expected.includes(',') ? `[${expected}]` : expected}`)}`;
  return warning('topic_setting', `${topic}: ${setting} is ${actual}, should be ${expected}`, mend);
}

function partitionsFinding(differences: readonly TopicDifference[], specs: readonly TopicSpec[], { settings, options }: Patient): Finding[] {
  if (differences.length === 0) return [];
  const flow = specs.filter(({ partitions }) => partitions > 1 || settings.partitions === 1);
  const counts = differences.map(({ actual }) => Number(actual));
  const most = Math.max(...counts, differences.length < flow.length ? settings.partitions : 0);
  const list = differences.map(({ topic, actual, expected }) => `${topic} has ${actual} partitions, not ${expected}`).join('; ');
  const same = new Set(counts).size === 1 && differences.length === flow.length;
  const flags = options.flags.replace(/ --partitions \S+/, '');
  const mend = same ? `give every command --partitions ${most}, which is what all topics have` : `stop the stages, then: npx tandem topics grow${flags} --partitions ${most}`;
  return [failed('topic_partitions', list, mend)];
}

function replicasFinding(differences: readonly TopicDifference[]): Finding[] {
  if (differences.length === 0) return [];
  return [warning('topic_replication', `${differences.length} ${FEWER_REPLICAS}: ${listed(differences.map(hasNot))}`, MORE_REPLICAS)];
}

function listed(names: readonly string[]): string {
  return names.length <= NAMED ? names.join(', ') : `${names.slice(0, NAMED).join(', ')} and ${names.length - NAMED} more`;
}

/** Every topic of the flow, against its specification in schemas/topology.ts. */
export const topicsCheck: Check = {
  name: 'topics',
  needs: 'kafka',
  limitMs: 30_000,
  async run(patient) {
    const { settings, options } = patient;
    const variants = await loadRegistry(settings.models).then(stableVariants, () => []);
    const specs = topicsOf(settings, { variants });
    const { missing, differences } = await patient.log.admin.inspectTopics(specs, replicationOf(settings));
    const found: Finding[] = [];
    if (missing.length > 0) found.push(failed('topic_missing', `${missing.length} of ${specs.length} topics are missing: ${listed(missing)}`, `npx tandem topics ensure${options.flags}`));
    const { partitions = [], [REPLICATION_FACTOR]: replicas = [], ...others } = Object.groupBy(differences, ({ setting }) => setting);
    found.push(...partitionsFinding(partitions, specs, patient), ...replicasFinding(replicas));
    found.push(...Object.values(others).flatMap((each = []) => each.map((difference) => settingFinding(difference, patient))));
    return found.length > 0 ? found : [ok(`${specs.length} topics ${settings.prefix}*: partitions, replicas, retention, cleanup and sizes are as they should be`)];
  },
};
