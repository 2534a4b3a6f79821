export { connectionsOf, type Connections, type KafkaConnection, type RedisConnection } from './connections.ts';
export { flagName } from './flag-name.ts';
export { Secret } from './secret.ts';
export { environmentName, hasChosenName, loadSettings, secrecyOf, settingNames, settingsSchema, type Secrecy, type Settings, type SettingName, type SettingsSources } from './settings.ts';
export { loadWorkloads, type LoadWorkloadsOptions } from './workloads.ts';
