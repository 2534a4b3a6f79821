export { loadSettings, environmentName, settingNames, settingsSchema, type Settings, type SettingName, type SettingsSources } from './settings.ts';
