import { z } from 'zod';
import { number } from './fields.ts';

/** How a worker decodes slates. */
export const decodingSettings = {
  generateCacheMb: number(z.number().positive().max(1_048_576)).default(64).describe('memory for keys and values of slates that are decoded, over all variants that decode'),
  generateCache: z.enum(['fp32', 'fp16', 'int8']).default('fp32').describe('how they are kept: fp16 takes half of the memory, int8 a little more than a quarter'),
  generateDraftTokens: number(z.number().int().min(0).max(16)).default(0).describe('items that a small model proposes for each step of a slate, to be judged together; 0: none'),
  generateMaxBatchSize: number(z.number().int().min(1).max(4_096)).default(32).describe('slates of one decoding step'),
};
