// One request: its path, its time, each decision and its reason, its answer.
import { call } from './api.js';
import { actionsRow, closeButton, openDialog } from './dialogs.js';
import { h, plainTable } from './dom.js';
import { clock, latency, milliseconds, words } from './format.js';

/** @typedef {import('../explained-request.ts').ExplainedRequest} ExplainedRequest */
/** @typedef {ExplainedRequest['explanation']} Explanation */

/** @param {string} requestId */
export async function explain(requestId) {
  openDialog(`Request ${requestId}`, [h('p', { class: 'note' }, 'Reading the log…'), actionsRow(closeButton())]);
  try {
    show(await call(`/dashboard/requests/${encodeURIComponent(requestId)}`));
  } catch (error) {
    openDialog(`Request ${requestId}`, [h('p', {}, /** @type {Error} */ (error).message), actionsRow(closeButton())]);
  }
}

/** @param {ExplainedRequest} explained */
function show({ explanation, titles }) {
  const response = explanation.responses.findLast(({ final }) => final) ?? explanation.responses.at(-1);
  openDialog(`Request ${explanation.requestId}`, [
    facts(explanation, response), h('h3', {}, 'Where its time went'), waterfall(explanation),
    ...(response === undefined || response.steps.length === 0 ? [] : [h('h3', {}, 'Its steps: predicted and actual'), steps(response, explanation)]),
    h('h3', {}, 'What was decided, and why'), decisions(explanation),
    ...(response === undefined ? [] : answer(response, titles)),
    ...explanation.notes.map((note) => h('p', { class: 'note' }, note)),
    actionsRow(closeButton()),
  ]);
}

/** @param {Explanation} explanation @param {Explanation['responses'][number] | undefined} response */
function facts({ workload, arrivedAt, deadlineAt }, response) {
  /** @type {[string, string][]} */
  const known = [['Workload', workload ?? 'not known']];
  if (response !== undefined) known.unshift(['Status', response.reason === undefined ? response.status : `${response.status}: ${words(response.reason)}`], ['Latency', latency(response.latencyMs)]);
  if (arrivedAt !== undefined) known.push(['Asked at', clock(arrivedAt)]);
  if (deadlineAt !== undefined && arrivedAt !== undefined) known.push(['Deadline', deadlineAt === null ? 'none' : `after ${milliseconds(deadlineAt - arrivedAt)}`]);
  if (response?.error !== undefined) known.push([words(response.error.code), response.error.message]);
  return h('div', { class: 'facts' }, ...known.map(([name, value]) => h('div', {}, h('span', {}, name), value)));
}

/** @type {Record<string, string>} */
const STAGE_COLORS = { classifier: 'var(--c3)', scheduler: 'var(--c1)', fusion: 'var(--c4)', chained: 'var(--c7)' };

/** @param {string} stage @param {string} label */
function colorOf(stage, label) {
  if (stage !== 'worker') return STAGE_COLORS[stage] ?? 'var(--c7)';
  return label.includes('computes') ? 'var(--c0)' : 'var(--c2)';
}

/** @param {Explanation} explanation */
function waterfall({ waterfall: spans }) {
  if (spans.length === 0) return h('p', { class: 'note' }, 'Nothing of it is known with a beginning and an end.');
  const whole = Math.max(...spans.map(({ startMs, durationMs }) => startMs + durationMs), 0.001);
  return h('ol', { class: 'waterfall' }, ...spans.map(({ stage, label, startMs, durationMs }) => {
    const bar = h('b', { '--c': colorOf(stage, label) });
    bar.style.left = `${Math.min(99.5, (Math.max(0, startMs) / whole) * 100)}%`;
    bar.style.width = `${(durationMs / whole) * 100}%`;
    return h('li', {}, h('span', { class: 'who' }, h('strong', {}, stage), ` ${label}`), h('span', { class: 'track', 'aria-hidden': 'true' }, bar), h('span', { class: 'number' }, durationMs === 0 ? '< 1 ms' : milliseconds(durationMs)));
  }));
}

/** @param {Explanation['responses'][number]} response @param {Explanation} explanation */
function steps(response, { decisions: all }) {
  const told = (/** @type {number | undefined} */ ms) => (ms === undefined ? '–' : milliseconds(ms));
  return plainTable('Steps', ['Step', 'On', 'Wait: predicted', 'actual', 'Compute: predicted', 'actual', 'Batch'], response.steps.map(({ step, model, precision, queueMs, computeMs, batchSize, cached }) => {
    const predicted = all.findLast((decision) => decision.step === step && decision.predicted !== undefined)?.predicted;
    const ran = batchSize > 0 || cached === true;
    return h('tr', {}, h('th', { scope: 'row' }, step), h('td', {}, `${model}.${precision}`), h('td', {}, told(predicted?.queueMs)), h('td', {}, ran ? told(queueMs) : 'not run'),
      h('td', {}, told(predicted?.computeMs)), h('td', {}, ran ? told(computeMs) : 'not run'), h('td', {}, cached === true ? 'kept result' : batchSize === 0 ? '–' : String(batchSize)));
  }));
}

/** @param {Explanation} explanation */
function decisions({ decisions: lines, arrivedAt, responses }) {
  const rows = lines.map(({ stage, time, step, what, why }) => h('tr', {}, h('td', { class: 'faint' }, arrivedAt === undefined ? clock(time) : `+${milliseconds(Math.max(0, time - arrivedAt))}`),
    h('th', { scope: 'row' }, stage), h('td', { class: 'wrap' }, step === undefined ? what : `${step}: ${what}`), h('td', { class: 'wrap faint' }, why)));
  if (lines.some(({ stage }) => stage === 'scheduler')) return plainTable('Decisions', ['When', 'Stage', 'What', 'Why'], rows);
  // Handed on in memory: the answer has kept the reasons.
  const kept = responses.flatMap((response) => response.steps).map(({ step, model, precision, reason }) => h('tr', {}, h('td'), h('th', { scope: 'row' }, 'scheduler'), h('td', { class: 'wrap' }, `${step}: ${model}.${precision}`), h('td', { class: 'wrap faint' }, reason)));
  return plainTable('Decisions', ['When', 'Stage', 'What', 'Why'], [...kept, ...rows]);
}

/** @param {Explanation['responses'][number]} response @param {Record<string, string>} titles */
function answer({ result }, titles) {
  if (result === undefined) return [];
  if (!('items' in result)) return [h('h3', {}, 'Its answer'), h('pre', { tabindex: 0 }, JSON.stringify(result, null, 2))];
  return [h('h3', {}, 'Its items, best first'), h('ol', { class: 'items' }, ...result.items.slice(0, 20).map(({ itemId, score }) => h('li', {}, titles[itemId] ?? `item ${itemId}`, h('span', { class: 'faint' }, `  ${score.toPrecision(3)}`))))];
}
