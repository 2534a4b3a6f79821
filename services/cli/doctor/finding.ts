/** ok; warning: works, and will hurt; failed: does not work; skipped: nothing to look at. */
export type FindingStatus = 'ok' | 'warning' | 'failed' | 'skipped';

/** One thing that was looked at. */
export interface Finding {
  status: FindingStatus;
  /** Stable, for programs. */
  code: string;
  message: string;
  /** How to mend it, as exactly as can be said: a command, or what to change where. */
  mend?: string;
}

/** A finding, and the check that found it. */
export interface CheckedFinding extends Finding {
  check: string;
}

export function ok(message: string): Finding {
  return { status: 'ok', code: 'ok', message };
}

export function skipped(message: string): Finding {
  return { status: 'skipped', code: 'skipped', message };
}

export function warning(code: string, message: string, mend: string): Finding {
  return { status: 'warning', code, message, mend };
}

export function failed(code: string, message: string, mend: string): Finding {
  return { status: 'failed', code, message, mend };
}
