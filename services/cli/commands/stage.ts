import { InvalidArgumentError, type Command } from 'commander';
import { STAGE_NAMES } from '@tandem/schemas';
import { settingNames } from '@tandem/shared/config';
import type { StageName } from '@tandem/shared/runner';
import { TandemError, messageOf } from '@tandem/shared/errors';
import { parseChain } from '../compose/chaining.ts';
import { openPorts } from '../compose/ports.ts';
import { System } from '../compose/system.ts';
import { ensureTopology } from '../compose/topology.ts';
import { addSettingFlags, settingsOf } from '../setting-flags.ts';
import { untilSignal } from '../until-signal.ts';

const EXAMPLES = `
Runs until SIGTERM or SIGINT; then it stops intake, finishes what is in flight, commits and exits with 0. A worker whose inference threads
hang in native code does the same and ends with an error: let a supervisor (tandem cluster, compose, Kubernetes) start it again.

Examples:
  tandem stage classifier --kafka 127.0.0.1:9092 --redis redis://127.0.0.1:6379
  tandem stage worker --kafka 127.0.0.1:9092 --variants recommend-large.int8 --threads 2
  tandem stage classifier+scheduler+fusion --kafka 127.0.0.1:9092    chained: they hand on in memory what else goes through topics
  TANDEM_KAFKA=kafka:9092 TANDEM_HTTP_PORT=9465 tandem stage fusion`;

const EXPECTED = `one of ${STAGE_NAMES.join(', ')} is expected, or a chain: edge, all, or names joined by +`;

/** A stage, or a chain of them, as `--chain` names it. */
function stages(text: string): readonly StageName[] {
  const single = STAGE_NAMES.find((name) => name === text);
  if (single !== undefined) return [single];
  try {
    const chain = parseChain(text);
    if (chain.length > 0) return chain;
  } catch (error) {
    throw new InvalidArgumentError(text.includes('+') ? messageOf(error) : EXPECTED);
  }
  throw new InvalidArgumentError(EXPECTED);
}

async function runStage(names: readonly StageName[], options: Record<string, unknown>): Promise<void> {
  const settings = { ...settingsOf(options), chain: names.length > 1 ? names.join('+') : 'none' };
  if (settings.kafka === undefined) {
    throw new TandemError('a stage of its own needs a broker: --kafka host:port (the embedded log lives inside one process: tandem demo --serve)', { code: 'usage' });
  }
  // Listened for from the beginning: a stage that dies while it starts may be a member of its groups already.
  const signal = untilSignal();
  const stopping = new AbortController();
  void signal.then(() => stopping.abort());
  await using ports = await openPorts(settings, names.join('+'), { patience: stopping.signal });
  await ensureTopology(settings, ports);
  await using system = await System.start(names, settings, ports);
  ports.logger.info({ statusPort: system.statusPort, log: ports.log.description, cache: ports.cache.description }, 'running');
  const reason = await Promise.race([signal, ports.unfit.promise]);
  ports.logger.info({ reason: messageOf(reason) }, 'draining');
  if (reason instanceof TandemError) throw reason;
}

export function addStageCommand(program: Command): void {
  const command = program.command('stage')
    .description('run one stage as its own process, in any number; or several, chained')
    .argument('<name>', `${STAGE_NAMES.join(', ')}, edge (all but the workers), all, or stages joined by +`, stages)
    .action((names: readonly StageName[], options: Record<string, unknown>) => runStage(names, options))
    .addHelpText('after', EXAMPLES);
  addSettingFlags(command, settingNames.filter((name) => name !== 'chain' && !name.startsWith('gateway')));
}
