/** Numbers as people read them: 12,345. */
export function count(value: number): string {
  return Math.round(value).toLocaleString('en-US');
}

export function milliseconds(value: number): string {
  return value < 10 ? `${value.toFixed(1)} ms` : `${count(value)} ms`;
}

export function percent(share: number): string {
  const value = share * 100;
  return `${value > 0 && value < 10 ? value.toFixed(1) : Math.round(value)} %`;
}

/** HR@10 and NDCG@10, as the literature writes them. */
export function quality(value: number): string {
  return value.toFixed(3);
}

export function seconds(value: number): string {
  return value < 60 ? `${value.toFixed(0)} s` : `${Math.floor(value / 60)} min ${Math.floor(value % 60)} s`;
}
