// One request: its path, its time, each decision and its reason, its answer.
import { call } from './api.js';
import { actionsRow, closeButton, openDialog } from './dialogs.js';
import { h } from './dom.js';
import { clock, milliseconds, words } from './format.js';

/** @typedef {import('../explain/explanation.ts').Explanation} Explanation */

/** @type {Record<string, { label: string, color: string }>} */
const SPANS = {
  classifier: { label: 'Classifier', color: 'var(--c3)' }, scheduler: { label: 'Scheduler', color: 'var(--c1)' }, queue: { label: 'Waiting', color: 'var(--c2)' },
  model: { label: 'Model', color: 'var(--c0)' }, fusion: { label: 'Fusion', color: 'var(--c4)' },
};

/** @param {string} requestId @param {{ partition: number, offset: number }} [place] */
export async function explain(requestId, place) {
  openDialog(`Request ${requestId}`, [h('p', { class: 'note' }, 'Reading the log…'), actionsRow(closeButton())]);
  try {
    const query = place === undefined ? '' : `?partition=${place.partition}&offset=${place.offset}`;
    show(await call(`/dashboard/requests/${encodeURIComponent(requestId)}${query}`));
  } catch (error) {
    openDialog(`Request ${requestId}`, [h('p', {}, /** @type {Error} */ (error).message), actionsRow(closeButton())]);
  }
}

/** @param {Explanation} explanation */
function show(explanation) {
  const { response, items, notes } = explanation;
  openDialog(`Request ${response.requestId}`, [
    facts(explanation), h('h3', {}, 'Where its time went'), waterfall(explanation), h('h3', {}, 'What was decided'), decisions(explanation),
    ...(items.length === 0 ? [answer(response)] : [h('h3', {}, 'Its items, best first'), h('ol', { class: 'items' }, ...items.map(({ itemId, title, score }) => h('li', {}, title ?? `item ${itemId}`, h('span', { class: 'faint' }, `  ${score.toPrecision(3)}`))))]),
    ...notes.map((note) => h('p', { class: 'note' }, note)),
    actionsRow(closeButton()),
  ]);
}

/** @param {Explanation} explanation */
function facts({ response: { status, reason, latencyMs, time, workload, error }, task }) {
  /** @type {[string, string][]} */
  const known = [['Status', reason === undefined ? status : `${status}: ${words(reason)}`], ['Latency', milliseconds(latencyMs)], ['Workload', workload], ['Answered', clock(time)]];
  if (task !== null) {
    known.push(['Task', task.kind], ['Tier', task.tier], ['Lane', task.lane], ['Deadline', task.deadlineMs === null ? 'none' : milliseconds(task.deadlineMs)], ['Activity', task.activity.toFixed(2)]);
    if (task.accuracyFloor !== null && task.accuracyFloor > 0) known.push(['Accuracy floor', String(task.accuracyFloor)]);
    known.push(['Plan', task.plan.join(' → ')]);
  }
  if (error !== undefined) known.push([error.code, error.message]);
  return h('div', { class: 'facts' }, ...known.map(([name, value]) => h('div', {}, h('span', {}, name), value)));
}

/** @param {Explanation} explanation */
function waterfall({ spans, response }) {
  if (spans.length === 0) return h('p', { class: 'note' }, 'No step of it ran.');
  const whole = Math.max(response.latencyMs, ...spans.map(({ toMs }) => toMs), 0.001);
  return h('div', { class: 'waterfall', role: 'list' }, ...spans.flatMap(({ stage, step, fromMs, toMs, what }) => {
    const { label, color } = SPANS[stage] ?? { label: stage, color: 'var(--c7)' };
    const bar = h('b', { '--c': color });
    bar.style.left = `${(fromMs / whole) * 100}%`;
    bar.style.width = `${((toMs - fromMs) / whole) * 100}%`;
    return [h('span', { role: 'listitem' }, step === null ? label : `${label}: ${step}`), h('span', { class: 'track', 'aria-hidden': 'true' }, bar), h('span', { class: 'number' }, milliseconds(toMs - fromMs)), h('span', { class: 'what' }, what)];
  }));
}

/** @param {Explanation} explanation */
function decisions({ decisions: lines }) {
  if (lines.length === 0) return h('p', { class: 'note' }, 'Nothing was decided: it never became a task.');
  const number = (/** @type {number | null} */ ms) => (ms === null ? '–' : milliseconds(ms));
  return h('div', { class: 'scroll' }, h('table', {}, h('thead', {}, h('tr', {}, ...['Step', 'Chosen', 'Why', 'Predicted', 'Actual', 'Batch', ''].map((head) => h('th', { scope: 'col' }, head)))), h('tbody', {}, ...lines.map(({ step, chosen, reason, predictedMs, actualMs, batchSize, outcome }) =>
    h('tr', {}, h('th', { scope: 'row' }, step), h('td', {}, chosen), h('td', { class: 'wrap' }, reason), h('td', {}, number(predictedMs)), h('td', {}, number(actualMs)), h('td', {}, batchSize === 0 ? '–' : String(batchSize)), h('td', {}, outcome))))));
}

/** @param {Explanation['response']} response */
function answer({ result }) {
  return h('pre', { tabindex: 0 }, result === undefined ? 'no result' : JSON.stringify(result, null, 2));
}
