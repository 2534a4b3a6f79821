export { loadSettings, environmentName, flagName, settingNames, settingsSchema, type Settings, type SettingName, type SettingsSources } from './settings.ts';
export { loadWorkloads, type LoadWorkloadsOptions } from './workloads.ts';
