import { readFile, rename, writeFile } from 'node:fs/promises';
import type { Settings } from '@tandem/shared/config';
import type { Variant } from '@tandem/schemas';
import { admittedBy, banditPolicy, evaluatedName, type BanditLearner, type LearnerState, type Policy } from '@tandem/shared/core';
import { messageOf } from '@tandem/shared/errors';
import type { Ports } from './ports.ts';
import { learnerOf, rewardWeights } from './policies.ts';

const SAVE_EVERY_MS = 30_000;

/** A policy that learns, kept through restarts, and told what live feedback this process has. */
export interface Learning {
  policy: Policy;
  start(): void;
  stop(): Promise<void>;
}

type LearningPorts = Pick<Ports, 'clock' | 'logger' | 'judgements' | 'variants'>;

/**
 * Only what the evaluation has shown in the simulator is chosen among; what it lets through still has to be shown by the requests that come.
 * What was learnt is read from the file and written back twice a minute and when it stops; a file that cannot be read or fits no longer is said
 * and learnt anew, since requests are answered as well without it.
 */
export async function openLearning(settings: Settings, ports: LearningPorts): Promise<Learning> {
  const { clock, judgements, logger } = ports;
  const { learningState: file, tierWeights, accuracyPerJoule } = settings;
  const learner = learnerOf(settings);
  if (file !== undefined) await takeUp(learner, file, logger);
  const policy = banditPolicy({ learner, random: Math.random, isEvaluated: await evaluatedOf(settings, ports), deadlineAware: { tierWeights, accuracyPerJoule } });
  const save = () => file === undefined ? Promise.resolve() : written(file, learner.snapshot()).catch((err: unknown) => logger.warn({ err, file }, 'what has been learnt could not be written'));
  let timer: NodeJS.Timeout | undefined;
  let close: (() => void) | undefined;
  return {
    policy,
    start() {
      close = judgements.listen((requestId, isRight) => policy.judged?.(requestId, isRight, clock.now()));
      timer = setInterval(() => void save(), SAVE_EVERY_MS).unref();
    },
    async stop() {
      clearInterval(timer);
      close?.();
      await save();
    },
  };
}

/** Those that may be chosen among, and a line of which may not, and why. */
async function evaluatedOf(settings: Settings, { variants, logger }: LearningPorts): Promise<(variant: Variant) => boolean> {
  const { names, doubt } = await admission(settings);
  const isEvaluated = (variant: Variant) => names.has(evaluatedName(variant));
  const rest = variants.filter((variant) => !isEvaluated(variant) && variants.some(({ model, precision }) => model === variant.model && precision !== variant.precision)).map(evaluatedName);
  if (rest.length > 0) logger.warn({ variants: rest, file: settings.learningEvaluation, reason: doubt ?? 'the evaluation is of others' }, 'the bandit has not been evaluated with these variants: among them deadline-aware chooses');
  return isEvaluated;
}

async function admission(settings: Settings): Promise<ReturnType<typeof admittedBy>> {
  const { learningEvaluation: file } = settings;
  const nothing = (doubt: string) => ({ names: new Set<string>(), doubt });
  if (file === undefined) return nothing('no evaluation is named (npm run policies -- --learning --evaluation FILE writes one, --learning-evaluation FILE names it)');
  return readFile(file, 'utf8').then((text) => admittedBy(text, rewardWeights(settings)), (error: unknown) => nothing(`it cannot be read: ${messageOf(error)}`));
}

async function takeUp(learner: BanditLearner, file: string, logger: Ports['logger']): Promise<void> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') logger.warn({ file, err: error }, 'what was learnt before cannot be read: learning anew');
    return undefined;
  });
  if (text === undefined) return;
  try {
    if (!learner.restore(JSON.parse(text) as LearnerState)) logger.warn({ file }, 'what was learnt before is of another version: what does not fit is learnt anew');
  } catch (error) {
    logger.warn({ file, reason: messageOf(error) }, 'what was learnt before cannot be read: learning anew');
  }
}

/** Whole or not at all. */
async function written(file: string, state: LearnerState): Promise<void> {
  const draft = `${file}.${process.pid}.tmp`;
  await writeFile(draft, JSON.stringify(state));
  await rename(draft, file);
}
