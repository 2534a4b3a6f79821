import { z } from 'zod';

const ms = z.number().min(0).max(1_000);

/** What a plan takes for granted. Every one can be set in the catalogue; measure yours. */
export const assumptionsSchema = z.strictObject({
  edgeCpuMsPerRequest: ms.default(0.15).describe('CPU of classifier, scheduler and fusion in one chain, per request'),
  edgeCpuMsPerStep: ms.default(0.05).describe('the same, for each step beyond the first'),
  workerCpuMsPerStep: ms.default(0.06).describe('CPU of a worker to read a step and write its outcome, beside inference'),
  hopMedianMs: ms.default(1).describe('one way through the log, from send to read, median'),
  hopSpread: z.number().min(0).max(2).default(0.7).describe('standard deviation of its logarithm: 0.7 puts p99 at five times the median'),
  timesSpread: z.number().min(0).max(2).default(0.1).describe('standard deviation of the logarithm of batch times'),
  requestBytes: z.number().positive().default(700).describe('a request on the topic requests'),
  taskOverheadBytes: z.number().positive().default(400).describe('what a task adds to its request'),
  resultBytes: z.number().positive().default(600).describe('a step’s result, and a response'),
  brokerMBs: z.number().positive().default(150).describe('MB/s that a broker appends, replicas’ among them, with room to catch up after a restart'),
  brokerRecordsPerSecond: z.number().positive().default(400_000).describe('records/s that a broker appends and serves'),
  brokerPartitions: z.number().int().positive().default(4_000).describe('replicas of partitions on a broker'),
  replication: z.number().int().min(1).max(7).default(3).describe('replicas of each partition'),
  partitionRecordsPerSecond: z.number().positive().default(10_000).describe('records/s that one partition takes'),
  redisOpsPerRequest: z.number().min(0).max(100).default(2).describe('commands to Redis per request: the id is claimed, the features are read'),
  redisOpsPerSecond: z.number().positive().default(80_000).describe('commands/s of one Redis process'),
  utilisation: z.number().min(0.1).max(1).default(0.7).describe('share of their CPU that chains of stages may need'),
  plannedShare: z.number().min(0.1).max(1).default(0.85).describe('of what a worker process can carry within the SLO, what it is planned with'),
  processCores: z.number().int().min(1).max(256).default(4).describe('cores of a worker process on machines without an accelerator: one for records, the others infer'),
});
export type Assumptions = z.infer<typeof assumptionsSchema>;
