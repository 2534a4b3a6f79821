export { Gateway } from './gateway.ts';
export { asksForCredentials, type GatewayOptions, type GatewayPorts } from './options.ts';
