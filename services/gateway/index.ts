export { Gateway } from './gateway.ts';
export { requireCredentials, type GatewayOptions, type GatewayPorts } from './options.ts';
export type { GatewayPlugin } from './plugins.ts';
export type { ApiKey } from './auth/api-keys.ts';
export { scopeSchema, type Scope } from './auth/credential.ts';
export { addApiKey, readApiKeys, removeApiKey } from './auth/key-file.ts';
export { answersOwner } from './replies/answers.ts';
export type { ReleaseLine } from './dashboard/operate/list-releases.ts';
