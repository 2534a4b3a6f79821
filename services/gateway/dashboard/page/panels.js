// What is now: the large figures, where time goes, quality, compute.
import { byId, h, keyed, setAttribute, setText } from './dom.js';
import { count, milliseconds, percent, rate, timeParts, words } from './format.js';
import { colorOf } from './charts.js';

/** @typedef {import('../snapshot.ts').Snapshot} Snapshot */
/** @typedef {{ name: string, value: string, unit: string, note: string, tone: string | null }} Tile */

/** @param {number | undefined} ms */
const time = (ms) => (ms === undefined ? { value: '–', unit: '' } : ms < 1 ? { value: '< 1', unit: 'ms' } : timeParts(Math.round(ms)));

/** @param {Snapshot} snapshot @returns {Tile[]} */
function tilesOf({ answers, quality, cost }) {
  const { latencyMs, perSecond, goodputPerSecond, seen, sampled } = answers;
  const complete = perSecond === 0 ? null : goodputPerSecond / perSecond;
  const judged = quality.reduce((sum, figures) => sum + figures.judged, 0);
  const hits = quality.reduce((sum, figures) => sum + figures.judged * figures.hitRateAt10, 0);
  const saved = cost.secondsPerThousand === null || cost.allLargeSecondsPerThousand === null ? null : 1 - cost.secondsPerThousand / cost.allLargeSecondsPerThousand;
  const rest = sampled < seen ? `from ${percent(sampled / seen)} of them` : `last ${answers.seconds} s`;
  return [
    { name: 'Answers', value: rate(perSecond), unit: '/s', note: rest, tone: null },
    { name: 'Latency, median', ...time(latencyMs?.p50), note: 'half are faster', tone: null },
    { name: 'Latency, p99', ...time(latencyMs?.p99), note: latencyMs === null ? '' : `p95 ${milliseconds(latencyMs.p95)}`, tone: null },
    { name: 'Complete', value: complete === null ? '–' : percent(complete), unit: '', note: 'whole plan, in time', tone: complete === null || complete >= 0.99 ? null : complete >= 0.9 ? 'warn' : 'bad' },
    { name: 'Live HR@10', value: judged === 0 ? '–' : (hits / judged).toFixed(3), unit: '', note: judged === 0 ? 'no interactions follow' : `of ${count(judged)} answers judged`, tone: null },
    { name: 'Compute saved', value: saved === null ? '–' : percent(Math.max(-9.99, saved)).replace('-', '−'), unit: '', note: 'against all on the large model', tone: null },
  ];
}

/** @param {Snapshot} snapshot */
export function showTiles(snapshot) {
  keyed(byId('tiles'), tilesOf(snapshot), ({ name }) => name, ({ name }) => h('dl', { class: 'tile' }, h('dt', {}, name),
    h('dd', { class: 'value' }, h('span'), h('span', { class: 'unit' })), h('dd', { class: 'note' })), (tile, { value, unit, note, tone }) => {
    const [number, small] = /** @type {HTMLElement[]} */ ([...(tile.children[1]?.children ?? [])]);
    if (number !== undefined) setText(number, value);
    if (small !== undefined) setText(small, unit);
    setText(/** @type {Element} */ (tile.children[2]), note);
    setAttribute(tile, 'data-tone', tone);
  });
}

/** Tiles before there is anything, so that nothing jumps. */
export function showTilesWaiting() {
  byId('tiles').replaceChildren(...['Answers', 'Latency, median', 'Latency, p99', 'Complete', 'Live HR@10', 'Compute saved'].map((name) =>
    h('dl', { class: 'tile', 'data-key': name }, h('dt', {}, name), h('dd', { class: 'value' }, h('span', {}, '000'), h('span', { class: 'unit' })), h('dd', { class: 'note' }))));
}

/** Names of models have hyphens, at which no line should end; an arrow goes with what it leads to. @param {string} text */
const unbroken = (text) => text.split(/(?<!→) /).flatMap((word, index) => (index === 0 ? [h('span', {}, word)] : [' ', h('span', {}, word)]));

/** @param {{ label: string, value: string, share: number, color: string }[]} lines */
function bars(lines) {
  return (/** @type {HTMLElement} */ parent) => keyed(parent, lines, ({ label }) => label,
    ({ label }) => h('div', { class: 'bar-line' }, h('span', { class: 'label' }, ...unbroken(label)), h('span'), h('i', { 'aria-hidden': 'true' }, h('b'))), (line, { value, share, color }) => {
      setText(/** @type {Element} */ (line.children[1]), value);
      const bar = /** @type {HTMLElement} */ (line.children[2]?.firstChild);
      bar.style.width = `${Math.min(100, share * 100).toFixed(1)}%`;
      bar.style.setProperty('--c', color);
    });
}

/** @param {HTMLElement} parent @param {string} text */
function nothing(parent, text) {
  parent.replaceChildren(h('p', { class: 'note' }, text));
}

/** @param {string} id @param {string} className */
function inside(id, className) {
  const parent = byId(id);
  const known = parent.firstElementChild;
  if (known instanceof HTMLElement && known.className === className) return known;
  const made = h('div', { class: className });
  parent.replaceChildren(made);
  return made;
}

/** @param {Snapshot} snapshot */
export function showSpent({ answers: { spent, reasons, latencyMs } }) {
  if (spent === null || latencyMs === null) nothing(byId('spent'), 'No answers in the last seconds.');
  else {
    const all = spent.queueMs + spent.computeMs + spent.otherMs;
    bars([
      { label: 'The log, decisions, the join', value: milliseconds(spent.otherMs), share: spent.otherMs / all, color: 'var(--c7)' },
      { label: 'To the worker, and until its batch', value: milliseconds(spent.queueMs), share: spent.queueMs / all, color: 'var(--c2)' },
      { label: 'The models', value: milliseconds(spent.computeMs), share: spent.computeMs / all, color: 'var(--c0)' },
    ])(inside('spent', 'bars'));
  }
  if (reasons.length === 0) nothing(byId('reasons'), 'Nothing in the last seconds.');
  else {
    const most = Math.max(...reasons.map(({ perSecond }) => perSecond));
    bars(reasons.map(({ status, reason, perSecond }) => ({
      label: `${words(status)}: ${words(reason)}`, value: `${rate(perSecond)}/s`, share: perSecond / most,
      color: status === 'complete' ? 'var(--c7)' : status === 'degraded' ? 'var(--c2)' : 'var(--c4)',
    })))(inside('reasons', 'bars'));
  }
}

/** Of fewer the figure says nothing. */
const ENOUGH = 100;

/** @param {Snapshot} snapshot */
export function showQuality({ quality }) {
  if (quality.length === 0) return nothing(byId('quality'), 'It needs interactions of users who were answered: send what they did next to the topic of interactions.');
  const best = Math.max(...quality.map(({ hitRateAt10 }) => hitRateAt10), 0.001);
  bars(quality.slice(0, 8).map(({ path, judged, hitRateAt10, standardError }) => ({
    label: path, value: judged < ENOUGH ? `${count(judged)} judged` : `${hitRateAt10.toFixed(3)} ± ${standardError.toFixed(3)}  of ${count(judged)}`, share: judged < ENOUGH ? 0 : hitRateAt10 / best,
    color: colorOf(path.split(' → ').at(-1) ?? path),
  })))(inside('quality', 'bars'));
}


/** @param {Snapshot} snapshot */
export function showCost({ cost: { secondsPerThousand, allLargeSecondsPerThousand, large } }) {
  const parent = byId('cost');
  if (secondsPerThousand === null) return nothing(parent, 'No answers in the last minute.');
  const all = Math.max(secondsPerThousand, allLargeSecondsPerThousand ?? 0, 1e-9);
  const lines = [{ label: 'As it is, for 1,000 answers', value: milliseconds(secondsPerThousand * 1_000), share: secondsPerThousand / all, color: 'var(--c0)' }];
  if (allLargeSecondsPerThousand !== null) lines.push({ label: `All on the large model`, value: milliseconds(allLargeSecondsPerThousand * 1_000), share: allLargeSecondsPerThousand / all, color: 'var(--c7)' });
  bars(lines)(inside('cost', 'bars'));
  const note = allLargeSecondsPerThousand === null ? 'The large model has not run in the last minute, so there is nothing to compare with.' : `Of one session, measured in the last minute. Large: one step of ${large.join(' or ')} for each answer, at what its steps take now.`;
  let text = parent.querySelector('p');
  if (text === null) parent.append(text = /** @type {HTMLParagraphElement} */ (h('p', { class: 'note' })));
  setText(text, note);
}

/** @param {Snapshot} snapshot */
export function showCaches({ answers: { resultCacheHits }, variants }) {
  const kept = resultCacheHits === null ? [] : [{ label: 'Kept results, of steps', value: percent(resultCacheHits), share: resultCacheHits, color: 'var(--c3)' }];
  const prefixes = variants.flatMap(({ name, prefixHits }) => (prefixHits === null ? [] : [{ label: `User prefixes, ${name}`, value: percent(prefixHits), share: prefixHits, color: colorOf(name) }]));
  if (kept.length + prefixes.length === 0) return nothing(byId('caches'), 'Nothing could come from a cache in the last seconds.');
  bars([...kept, ...prefixes])(inside('caches', 'bars'));
}
