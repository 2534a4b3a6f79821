export { ActiveUsers, type ActiveUsersOptions, type AskedFor } from './active-users.ts';
export { IdleWorkers, type IdleRules } from './idle-workers.ts';
