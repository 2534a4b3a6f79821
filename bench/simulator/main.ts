/** The simulator against the real thing: calibrates, predicts, runs, compares. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { parseArgs } from 'node:util';
import { exitOnSignals } from '../../test/support/processes.ts';
import { describeMachine } from '../harness/machine.ts';
import { calibrate, calibrationRuns } from './calibrate.ts';
import { openRealStand } from './real-stand.ts';
import { GOODPUT_BOUND, P99_BOUND, validate } from './validate.ts';

const HELP = `Calibrates the simulator on this machine, predicts four runs over a real Kafka, makes them, and compares.

  npm run simulator -- [--json FILE] [--kafka HOST:PORT] [--seed 1] [--slo-ms 400]

Exit code 1: a goodput more than ${GOODPUT_BOUND * 100} % or a p99 more than ${P99_BOUND * 100} % off.
Run it on a machine that does nothing else. About 90 s.
`;

const { values } = parseArgs({
  options: {
    json: { type: 'string' }, kafka: { type: 'string' }, seed: { type: 'string', default: '1' }, 'slo-ms': { type: 'string', default: '400' },
    help: { type: 'boolean', short: 'h', default: false },
  },
});

const VARIANT = 'graded.fp32';

async function main(): Promise<void> {
  const progress = (text: string) => process.stderr.write(`${text}\n`);
  const machine = describeMachine();
  await using real = await openRealStand({ kafka: values.kafka, seed: Number(values.seed), sloMs: Number(values['slo-ms']), progress });
  const { brokerPid } = real.stand;
  await using cluster = await real.open(['--policy', 'fixed', '--precision', 'fp32']);
  const runs = await calibrationRuns(cluster.tapped, VARIANT, cluster.roughCapacity, { seconds: 8, brokerPid, seed: real.seed });
  const calibration = calibrate([runs], real.cores);
  progress(JSON.stringify({ capacity: [...calibration.capacityPerSecond], others: calibration.others, samples: calibration.samples, shares: calibration.partitionShares }));
  const validation = await validate(cluster.tapped, calibration, real.models, VARIANT, real.bounds, { brokerPid, seed: real.seed, progress });
  if (values.json !== undefined) {
    mkdirSync(dirname(values.json), { recursive: true });
    writeFileSync(values.json, `${JSON.stringify({ machine, validation, calibration: { samples: calibration.samples, others: calibration.others } }, null, 1)}\n`);
  }
  if (validation.some(({ isWithin }) => !isWithin)) process.exitCode = 1;
}

if (values.help) process.stdout.write(HELP);
else {
  exitOnSignals();
  await main();
}
