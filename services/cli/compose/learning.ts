import { readFile, rename, writeFile } from 'node:fs/promises';
import type { Settings } from '@tandem/shared/config';
import { banditPolicy, type BanditLearner, type LearnerState, type Policy } from '@tandem/shared/core';
import { messageOf } from '@tandem/shared/errors';
import type { Ports } from './ports.ts';
import { learnerOf } from './policies.ts';

const SAVE_EVERY_MS = 30_000;

/** A policy that learns, kept through restarts, and told what live feedback this process has. */
export interface Learning {
  policy: Policy;
  start(): void;
  stop(): Promise<void>;
}

type LearningPorts = Pick<Ports, 'clock' | 'logger' | 'judgements'>;

/**
 * What was learnt is read from the file and written back twice a minute and when it stops; a file that cannot be read or fits no longer is said
 * and learnt anew, since requests are answered as well without it.
 */
export async function openLearning(settings: Settings, ports: LearningPorts): Promise<Learning> {
  const { clock, judgements, logger } = ports;
  const { learningState: file, tierWeights, accuracyPerJoule } = settings;
  const learner = learnerOf(settings);
  if (file !== undefined) await takeUp(learner, file, logger);
  const policy = banditPolicy({ learner, random: Math.random, deadlineAware: { tierWeights, accuracyPerJoule } });
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
