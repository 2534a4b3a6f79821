export interface AuditVerdict {
  text: string;
  /** 0: asked, and none; 1: asked, and there are; 2: nobody could be asked, so nothing is known. */
  exitCode: 0 | 1 | 2;
}

interface AuditReport {
  message?: string;
  metadata?: { vulnerabilities?: Record<string, number> };
  vulnerabilities?: Record<string, { severity?: string; range?: string }>;
}

function reportOf(stdout: string): AuditReport | undefined {
  try {
    return JSON.parse(stdout) as AuditReport;
  } catch {
    return undefined;
  }
}

/** What `npm audit --json` found out, if anything: a registry that does not answer is not a clean bill. */
export function auditVerdict(stdout: string, stderr: string): AuditVerdict {
  const report = reportOf(stdout);
  const total = report?.metadata?.vulnerabilities?.['total'];
  if (report === undefined || total === undefined) {
    const why = report?.message ?? (stderr.trim() || 'npm said nothing');
    return { text: `not audited: the registry could not be asked (${why}). Ask again where its audit can be reached`, exitCode: 2 };
  }
  if (total === 0) return { text: 'audited: no known vulnerabilities', exitCode: 0 };
  const found = Object.entries(report.vulnerabilities ?? {}).map(([name, { severity = '', range = '' }]) => `  ${name} ${range} (${severity})`);
  return { text: [`audited: ${total} known ${total === 1 ? 'vulnerability' : 'vulnerabilities'}`, ...found].join('\n'), exitCode: 1 };
}
