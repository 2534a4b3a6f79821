import { accessCheck } from './checks/access.ts';
import { clockCheck } from './checks/clock.ts';
import { kafkaCheck } from './checks/kafka.ts';
import { modelsCheck } from './checks/models.ts';
import { nodeCheck } from './checks/node.ts';
import { redisCheck } from './checks/redis.ts';
import { runtimeCheck } from './checks/runtime.ts';
import { topicsCheck } from './checks/topics.ts';
import { workloadsCheck } from './checks/workloads.ts';
import type { Check } from './run-checks.ts';

export const CHECKS: readonly Check[] = [nodeCheck, runtimeCheck, workloadsCheck, modelsCheck, kafkaCheck, topicsCheck, accessCheck, clockCheck, redisCheck];
export { modelsCheck } from './checks/models.ts';
export { Patient, type PatientOptions } from './patient.ts';
export { reportText } from './report.ts';
export { runChecks } from './run-checks.ts';
