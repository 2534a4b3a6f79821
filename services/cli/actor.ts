import { userInfo } from 'node:os';

/** Whom the audit names. */
export const actor = () => `${userInfo().username} (command line)`;
