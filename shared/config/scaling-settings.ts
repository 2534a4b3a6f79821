import { z } from 'zod';
import { number } from './fields.ts';

const share = number(z.number().gt(0).max(1));
const time = (least: number) => number(z.number().min(least).max(86_400_000));

/** When workers come and go (docs/scaling.md). */
export const scalingSettings = {
  scaleTargetUse: share.default(0.7).describe('share of the inference threads’ time beyond which workers are added'),
  scaleLowerUse: share.default(0.5).describe('workers go where the others would be used no more than this; below scaleTargetUse'),
  scaleUpAfterMs: time(0).default(3_000).describe('what is wanted for so long is added'),
  scaleDownAfterMs: time(0).default(60_000).describe('what was not wanted for so long goes'),
  scaleIdleAfterMs: time(1_000).default(300_000).describe('where there may be no worker: the last goes when nothing was asked for so long'),
};
