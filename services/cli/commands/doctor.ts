import type { Command } from 'commander';
import { systemClock } from '@tandem/shared/clock';
import { connectionsOf, type SettingName } from '@tandem/shared/config';
import { colorsFor } from '../demo/colors.ts';
import { CHECKS, Patient, reportText, runChecks } from '../doctor/index.ts';
import { ProgressLine } from '../progress-line.ts';
import { addSettingFlags, settingsOf } from '../setting-flags.ts';
import { givenFlags } from '../shell-flags.ts';

const SETTINGS: readonly SettingName[] = ['kafka', 'redis', 'prefix', 'partitions', 'replication', 'models', 'workloads', 'pool', 'providers', 'graphOptimization', 'instance', 'logLevel'];
const EXAMPLES = `
Looks at Node, the inference runtime, workload files, models (hashes, loading, golden inputs), Kafka (reach, release, topics, access lists,
clock) and Redis, and says of each thing that is wrong how to mend it. Changes nothing; to read the broker’s clock it writes three tombstones
of a heartbeat that nobody has sent to the topic telemetry. Every check ends within its time, whoever is away.
Exit code 1: something failed; warnings alone are 0.

Examples:
  tandem doctor                                                         models and workloads, no servers
  tandem doctor --kafka 127.0.0.1:9092 --redis redis://127.0.0.1:6379
  tandem doctor --models own/models --workloads own/workloads --json`;

interface Flags extends Record<string, unknown> {
  principalPrefix: string;
  json?: true;
}

const FAILED = 1;

async function doctor(flags: Flags): Promise<void> {
  const settings = settingsOf(flags);
  const connections = await connectionsOf(settings);
  await using patient = new Patient({ settings, connections, flags: givenFlags(flags), principalPrefix: flags.principalPrefix, machineClock: systemClock });
  const line = new ProgressLine();
  const findings = await runChecks(CHECKS, patient, (name) => line.show(() => `checking ${name} …`));
  line.end();
  const isWell = !findings.some(({ status }) => status === 'failed');
  if (flags.json === true) console.log(JSON.stringify({ ok: isWell, findings }));
  else console.log(reportText(findings, colorsFor(process.stdout, process.env)));
  process.exitCode = isWell ? 0 : FAILED;
  // A check that was given up may hold on to something for ever.
  if (findings.some(({ code }) => code === 'timed_out')) process.stdout.write('', () => process.exit());
}

export function addDoctorCommand(program: Command): void {
  const command = program.command('doctor').description('look for what is wrong with this installation, and say how to mend it')
    .option('--principal-prefix <user>', 'each role’s user of Kafka is this and the role’s name', 'User:tandem-')
    .option('--json', 'machine-readable')
    .action(doctor)
    .addHelpText('after', EXAMPLES);
  addSettingFlags(command, SETTINGS);
}
