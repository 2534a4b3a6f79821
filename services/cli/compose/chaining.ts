import { STAGE_NAMES, type StageName } from '@tandem/schemas';
import { TandemError } from '@tandem/shared/errors';

const NAMED: Readonly<Record<string, readonly StageName[]>> = {
  none: [],
  edge: ['classifier', 'scheduler', 'fusion'],
  all: STAGE_NAMES,
};

/**
 * The stages that run chained, in the order of the flow: `none`, `edge` (all but the workers), `all`, or stages joined by +.
 * @throws {TandemError} `chain_invalid`: unknown stages, or a chain that would hand nothing over in memory
 */
export function parseChain(text: string): readonly StageName[] {
  const named = NAMED[text];
  if (named !== undefined) return named;
  const names = text.split('+');
  const unknown = names.find((name) => !STAGE_NAMES.includes(name as StageName));
  if (unknown !== undefined) throw invalid(`chain = ${text}: there is no stage "${unknown}"; give none, edge, all, or some of ${STAGE_NAMES.join(', ')} joined by +`);
  const chain = STAGE_NAMES.filter((name) => names.includes(name));
  if (handsOver(chain)) return chain;
  throw invalid(`chain = ${text}: these stages would hand nothing to each other in memory, since what passes between them is read by others too; a chain needs the scheduler with the workers, with fusion, or both`);
}

/** `tasks` and `outcomes` are read by the scheduler and fusion, work by the workers. */
function handsOver(chain: readonly StageName[]): boolean {
  return chain.includes('scheduler') && (chain.includes('fusion') || chain.includes('worker'));
}

/** What runs as one: the chain, where all of it is here, and each other stage. In the order of the flow, the workers last. */
export function unitsOf(names: readonly StageName[], chain: readonly StageName[]): (readonly StageName[])[] {
  const chained = chain.length > 0 && chain.every((name) => names.includes(name)) ? chain : [];
  const alone = names.filter((name) => !chained.includes(name)).map((name) => [name]);
  return chained.length === 0 ? alone : [chained, ...alone];
}

function invalid(message: string): TandemError {
  return new TandemError(message, { code: 'chain_invalid' });
}
