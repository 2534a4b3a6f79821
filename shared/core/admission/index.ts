export { AdmissionControl } from './admission-control.ts';
export { ADMISSION_DEFAULTS, type AdmissionHeartbeat, type AdmissionOptions, type OwnShare } from './types.ts';
