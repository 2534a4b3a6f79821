import { createMetrics } from '@tandem/shared/telemetry';

interface Described {
  name: string;
  help: string;
  type: string;
  labelNames?: readonly string[];
}

const BEGIN = '<!-- Made by npm run generate:observability from shared/telemetry. -->';
const END = '<!-- End of what is made. -->';

/** Of the semantic conventions, which name them otherwise than our own. */
const CONVENTIONAL: Readonly<Record<string, readonly string[]>> = {
  messaging_client_consumed_messages_total: ['messaging_system', 'messaging_operation_name', 'messaging_destination_name', 'error_type', 'tandem_stage'],
  messaging_process_duration_seconds: ['messaging_system', 'messaging_operation_name', 'tandem_stage'],
};

function row({ name, help, type, labelNames = CONVENTIONAL[name] ?? [] }: Described): string {
  return `| \`${name}\` | ${type} | ${labelNames.map((label) => `\`${label}\``).join(', ')} | ${help.replaceAll('|', '\\|')} |`;
}

/** The document with its table as the code has it now. */
export function withMetricsTable(document: string): string {
  const metrics = createMetrics({ processMetrics: false }).registry.getMetricsAsArray() as unknown as Described[];
  const table = ['| name | type | labels | what it counts |', '|---|---|---|---|', ...metrics.map(row)].join('\n');
  const [before = '', rest = ''] = document.split(BEGIN);
  const after = rest.slice(rest.indexOf(END) + END.length);
  return `${before}${BEGIN}\n${table}\n${END}${after}`;
}
