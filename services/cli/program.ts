import { Command, CommanderError } from 'commander';
import { TandemError, messageOf } from '@tandem/shared/errors';
import { redact } from '@tandem/shared/telemetry';
import { addBackfillCommand } from './commands/backfill.ts';
import { addBenchCommand } from './commands/bench.ts';
import { addClusterCommand } from './commands/cluster.ts';
import { addCompletionCommand } from './commands/completion.ts';
import { addDeadLettersCommand } from './commands/dead-letters.ts';
import { addDemoCommand } from './commands/demo.ts';
import { addDoctorCommand } from './commands/doctor.ts';
import { addEraseCommand } from './commands/erase.ts';
import { addExperimentCommand } from './commands/experiment.ts';
import { addExplainCommand } from './commands/explain.ts';
import { addGatewayCommand } from './commands/gateway.ts';
import { addInitCommand } from './commands/init.ts';
import { addModelsCommand } from './commands/models.ts';
import { addPlanCommand } from './commands/plan.ts';
import { addProfileCommand } from './commands/profile.ts';
import { addStageCommand } from './commands/stage.ts';
import { addTailCommand } from './commands/tail.ts';
import { addTopicsCommand } from './commands/topics.ts';
import packageJson from './package.json' with { type: 'json' };

const FAILED = 1;
const WRONG_USAGE = 2;
const USAGE_CODES: ReadonlySet<string> = new Set(['settings_invalid', 'settings_file', 'usage', 'catalogue_invalid', 'catalogue_unreadable', 'profile_invalid', 'experiment_invalid', 'chain_invalid', 'gateway_credentials']);

const EPILOGUE = `
Every setting can also come from the environment (--http-port is TANDEM_HTTP_PORT) or from a file (--config tandem.yaml).
Passwords have no flag: TANDEM_KAFKA_PASSWORD, TANDEM_REDIS_PASSWORD, or the files that --kafka-password-file and --redis-password-file name.
Exit codes: 0 done, 1 failed, 2 wrong usage or settings.

Examples:
  tandem demo                                      everything in one process, on real users' events
  tandem demo --kafka 127.0.0.1:9092               the same over a real broker
  tandem cluster --kafka 127.0.0.1:9092 --workers 2
  tandem stage worker --kafka kafka:9092 --variants recommend-small.fp32,recommend-large.int8
  tandem topics ensure --kafka kafka:9092`;

/** What was given to a flag may be a secret, most of all to one that does not exist because secrets have none. */
function withoutValues(text: string): string {
  const hint = /--(kafka|redis)-password\b/.exec(text) === null ? '' : 'Passwords have no flag: use TANDEM_KAFKA_PASSWORD and TANDEM_REDIS_PASSWORD, or --kafka-password-file and --redis-password-file.\n';
  return redact(text.replace(/('--[a-z-]+)=[^\n]*'/g, "$1'")) + hint;
}

/** All commands; nothing runs until it parses. */
export function createProgram(): Command {
  const program = new Command('tandem')
    .description(packageJson.description)
    .version(packageJson.version)
    .exitOverride()
    .enablePositionalOptions()
    .configureOutput({ outputError: (text, write) => write(withoutValues(text)) })
    .addHelpText('after', EPILOGUE);
  for (const add of [addDemoCommand, addStageCommand, addClusterCommand, addGatewayCommand, addBackfillCommand, addDeadLettersCommand, addEraseCommand, addTopicsCommand, addModelsCommand, addDoctorCommand, addTailCommand, addExplainCommand, addExperimentCommand, addInitCommand, addBenchCommand, addCompletionCommand, addProfileCommand, addPlanCommand]) add(program);
  pointToHelp(program, program.name());
  return program;
}

/** Whoever gave too little or too much is told where it says what is taken. */
function pointToHelp(command: Command, path: string): void {
  command.showHelpAfterError(`(${path} --help says what it takes)`);
  for (const child of command.commands) pointToHelp(child, `${path} ${child.name()}`);
}

function exitCodeOf(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : WRONG_USAGE;
  const text = isOfSystem(error) ? error.message : error instanceof TandemError ? `${error.code}: ${error.message}` : error instanceof Error ? (error.stack ?? error.message) : messageOf(error);
  console.error(redact(text));
  return error instanceof TandemError && USAGE_CODES.has(error.code) ? WRONG_USAGE : FAILED;
}

/** A file that is not there, may not be written, or is a folder: the message says which, a stack says nothing more. */
function isOfSystem(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && !(error instanceof TandemError) && 'syscall' in error && 'code' in error;
}

/** Runs one command; never throws. */
export async function run(argv: readonly string[]): Promise<number> {
  try {
    await createProgram().parseAsync(argv);
    return process.exitCode === undefined ? 0 : Number(process.exitCode);
  } catch (error) {
    return exitCodeOf(error);
  }
}
