import Table from 'cli-table3';

/** Headed columns without colours and without rules between rows, so that it reads alike on a terminal and in a file. */
export function textTable(head: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const none = { mid: '', 'left-mid': '', 'mid-mid': '', 'right-mid': '' };
  const table = new Table({ head: [...head], style: { head: [], border: [], compact: true }, chars: none });
  table.push(...rows.map((row) => [...row]));
  return table.toString();
}
