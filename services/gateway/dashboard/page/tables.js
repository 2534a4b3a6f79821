// Variants, workers, lanes, requests, audit: rows that stay while their figures change.
import { call } from './api.js';
import { colorOf } from './charts.js';
import { confirmThen } from './dialogs.js';
import { byId, h, keyed, setAttribute, setText } from './dom.js';
import { bytes, clock, count, latency, milliseconds, percent, plural, rate, words } from './format.js';

/** @typedef {import('../snapshot.ts').Snapshot} Snapshot */
/** @typedef {{ head: string, number?: boolean, wrap?: boolean }} Column */

/**
 * @template Item
 * @param {HTMLElement} table
 * @param {Column[]} columns the first one names the row
 * @param {readonly Item[]} items
 * @param {(item: Item) => string} keyOf
 * @param {(row: Element, item: Item) => void} update
 * @param {string} nothing
 */
export function rows(table, columns, items, keyOf, update, nothing) {
  if (table.childElementCount === 0) {
    table.append(h('caption', { class: 'note' }), h('thead', {}, h('tr', {}, ...columns.map(({ head, number }) => h('th', { scope: 'col', class: number === true ? 'number' : null }, head)))), h('tbody'));
  }
  const [caption, , body] = /** @type {HTMLElement[]} */ ([...table.children]);
  if (body === undefined || caption === undefined) return;
  keyed(body, items, keyOf, () => h('tr', {}, ...columns.map(({ number, wrap }, index) => h(index === 0 ? 'th' : 'td', { scope: index === 0 ? 'row' : null, class: number === true ? 'number' : wrap === true ? 'wrap' : null }))), update);
  setText(caption, items.length === 0 ? nothing : '');
}

/** @param {Element} row @param {number} index @returns {HTMLElement} */
export const cell = (row, index) => /** @type {HTMLElement} */ (row.children[index]);

/** @param {HTMLElement} parent @param {string} text @param {string | null} tone */
export function pill(parent, text, tone) {
  let element = parent.querySelector('.pill');
  if (element === null) parent.append(element = h('span', { class: 'pill' }));
  setText(element, text);
  setAttribute(element, 'data-tone', tone);
}

let showsIdle = false;

/** @param {Snapshot} snapshot */
export function showVariants({ variants }) {
  const isIdle = (/** @type {typeof variants[number]} */ { share, perSecond, queued, running, breaker }) => share === 0 && perSecond === 0 && queued === 0 && running === 0 && breaker === 'closed';
  const idle = variants.filter(isIdle);
  const busy = variants.filter((variant) => !isIdle(variant)).sort((a, b) => b.share - a.share);
  const columns = [{ head: 'Variant' }, { head: 'Share of steps' }, { head: 'Steps/s', number: true }, { head: 'Waiting', number: true }, { head: 'Queue delay p50', number: true }, { head: 'p95', number: true }, { head: 'Batch size', number: true }, { head: 'Batch takes', number: true }, { head: 'Breaker' }, { head: 'Workers', number: true }];
  rows(byId('variants'), columns, showsIdle ? [...busy, ...idle] : busy, ({ name }) => name, (row, variant) => {
    const { name, share, perSecond, failedPerSecond, queued, queueMs, meanBatchSize, meanBatchMs, breaker, workers, version } = variant;
    if (cell(row, 0).childElementCount === 0) {
      cell(row, 0).append(h('span', { class: 'swatch', 'aria-hidden': 'true', '--c': colorOf(name) }), name);
      cell(row, 0).title = `version ${version}`;
      cell(row, 1).append(h('span', { class: 'meter' }, h('i', { 'aria-hidden': 'true' }, h('b', { '--c': colorOf(name) })), h('span')));
    }
    const meter = /** @type {HTMLElement} */ (cell(row, 1).firstElementChild);
    /** @type {HTMLElement} */ (meter.firstElementChild?.firstElementChild).style.width = percentWidth(share);
    setText(/** @type {Element} */ (meter.lastElementChild), percent(share));
    setText(cell(row, 2), rate(perSecond) + (failedPerSecond > 0 ? ` (${rate(failedPerSecond)} fail)` : ''));
    setText(cell(row, 3), count(queued));
    setText(cell(row, 4), queueMs === null ? '–' : milliseconds(queueMs.p50));
    setText(cell(row, 5), queueMs === null ? '–' : milliseconds(queueMs.p95));
    setText(cell(row, 6), meanBatchSize === 0 ? '–' : meanBatchSize.toFixed(1));
    setText(cell(row, 7), meanBatchMs === 0 ? '–' : milliseconds(meanBatchMs));
    pill(cell(row, 8), breaker === 'closed' ? 'closed' : breaker === 'open' ? 'open: taken out' : 'half open: tried again', breaker === 'closed' ? null : breaker === 'open' ? 'bad' : 'warn');
    setText(cell(row, 9), count(workers));
  }, variants.length === 0 ? 'No worker serves anything.' : busy.length === 0 && !showsIdle ? 'Nothing runs at the moment.' : '');
  const button = byId('idle');
  button.hidden = idle.length === 0;
  setText(button, showsIdle ? 'Hide what is idle' : `Show ${plural(idle.length, busy.length > 0 ? 'more that is' : 'that is', busy.length > 0 ? 'more that are' : 'that are')} idle`);
  setAttribute(button, 'aria-expanded', String(showsIdle));
}

export function toggleIdle() {
  showsIdle = !showsIdle;
}

/** @param {number} share */
const percentWidth = (share) => `${Math.min(100, share * 100).toFixed(1)}%`;

/** @type {Record<string, { text: string, tone: string | null }>} */
const WORKER_STATES = {
  working: { text: 'works', tone: 'good' }, draining: { text: 'drains', tone: 'warn' }, drained: { text: 'drained', tone: 'warn' }, silent: { text: 'silent', tone: 'bad' }, gone: { text: 'gone', tone: 'bad' },
};

/** @param {Snapshot} snapshot @param {boolean} canOperate */
export function showWorkers({ workers }, canOperate) {
  const columns = [{ head: 'Worker' }, { head: 'State' }, { head: 'Steps/s', number: true }, { head: 'CPU', number: true }, { head: 'Memory free', number: true }, { head: 'Broker', number: true }, { head: 'Serves' }, ...(canOperate ? [{ head: '' }] : [])];
  rows(byId('workers'), columns, workers, ({ instance }) => instance, (row, worker) => {
    const { instance, state, silentMs, perSecond, cpuUse, cpuCores, memoryFreeBytes, accelerator, brokerMs, variants, pool } = worker;
    setAttribute(row, 'data-state', state);
    setText(cell(row, 0), pool === undefined ? instance : `${instance} (${pool})`);
    const shown = WORKER_STATES[state];
    pill(cell(row, 1), state === 'silent' || state === 'gone' ? `${shown?.text} for ${milliseconds(Math.round(silentMs / 1_000) * 1_000)}` : (shown?.text ?? state), shown?.tone ?? null);
    setText(cell(row, 2), rate(state === 'working' || state === 'draining' ? perSecond : 0));
    setText(cell(row, 3), cpuUse === undefined ? '–' : `${percent(cpuUse)} of ${plural(cpuCores ?? 1, 'core')}`);
    setText(cell(row, 4), memoryFreeBytes === undefined ? '–' : bytes(accelerator?.memoryFreeBytes ?? memoryFreeBytes));
    setText(cell(row, 5), brokerMs === undefined ? '–' : milliseconds(brokerMs));
    setText(cell(row, 6), variants.length === 0 ? 'nothing' : plural(variants.length, 'variant'));
    cell(row, 6).title = variants.join(', ');
    if (canOperate) workerButton(cell(row, 7), worker, workers.filter((other) => other.state === 'working').length);
  }, 'No worker has sent a heartbeat.');
}

/** @param {HTMLElement} parent @param {Snapshot['workers'][number]} worker @param {number} working */
function workerButton(parent, { instance, state }, working) {
  const drains = state === 'working';
  const resumes = state === 'drained' || state === 'draining' || state === 'gone';
  let button = /** @type {HTMLButtonElement | null} */ (parent.querySelector('button'));
  if (button === null) {
    const made = /** @type {HTMLButtonElement} */ (h('button', { type: 'button' }));
    made.addEventListener('click', () => askWorker(instance, made.dataset['action'] ?? '', Number(made.dataset['working'])));
    parent.append(button = made);
  }
  button.hidden = !drains && !resumes;
  button.dataset['action'] = drains ? 'worker.drain' : 'worker.resume';
  button.dataset['working'] = String(working);
  setText(button, drains ? 'Drain…' : state === 'gone' ? 'Let it work again…' : 'Resume…');
  setAttribute(button, 'aria-label', `${drains ? 'Drain' : 'Resume'} worker ${instance}`);
}

/** @param {string} instance @param {string} action @param {number} working */
function askWorker(instance, action, working) {
  const drains = action === 'worker.drain';
  const last = working <= 1 ? ' It is the last one that works: until it, or another, is back, requests are answered without a model (degraded).' : ' The others take over its work.';
  confirmThen({
    title: drains ? 'Drain this worker?' : 'Let this worker work again?',
    text: drains ? `${instance} finishes what it has and takes nothing more. Nothing is lost.${last}` : `${instance} loads its models and takes its part of the work again, as soon as its process is there.`,
    verb: drains ? 'Drain' : 'Resume',
  }, async () => {
    await call('/dashboard/actions', { action, instance });
    return drains ? `${instance} is being drained.` : `${instance} comes back.`;
  });
}

/** @param {Snapshot} snapshot @param {boolean} canOperate */
export function showLanes({ lanes }, canOperate) {
  const columns = [{ head: 'Lane' }, { head: 'Requests/s', number: true }, { head: 'State' }, ...(canOperate ? [{ head: '' }] : [])];
  rows(byId('lanes'), columns, lanes, ({ lane }) => lane, (row, { lane, perSecond, paused, waiting }) => {
    setText(cell(row, 0), lane);
    setText(cell(row, 1), rate(perSecond));
    pill(cell(row, 2), paused === null ? 'open' : `paused by ${paused.by} at ${clock(paused.time)}${(waiting ?? 0) > 0 ? `, ${count(waiting ?? 0)} waiting` : ''}`, paused === null ? 'good' : 'warn');
    if (canOperate) laneButton(cell(row, 3), lane, paused === null);
  }, '');
}

/** @param {HTMLElement} parent @param {string} lane @param {boolean} isOpen */
function laneButton(parent, lane, isOpen) {
  let button = /** @type {HTMLButtonElement | null} */ (parent.querySelector('button'));
  if (button === null) {
    const made = /** @type {HTMLButtonElement} */ (h('button', { type: 'button' }));
    made.addEventListener('click', () => askLane(lane, made.dataset['action'] ?? ''));
    parent.append(button = made);
  }
  button.dataset['action'] = isOpen ? 'lane.pause' : 'lane.resume';
  setText(button, isOpen ? 'Pause…' : 'Resume…');
  setAttribute(button, 'aria-label', `${isOpen ? 'Pause' : 'Resume'} the ${lane} lane`);
}

/** @param {string} lane @param {string} action */
function askLane(lane, action) {
  const pauses = action === 'lane.pause';
  const late = lane === 'interactive' ? ' Requests whose deadline passes while they wait are answered as expired.' : '';
  confirmThen({
    title: pauses ? `Pause the ${lane} lane?` : `Resume the ${lane} lane?`,
    text: pauses ? `No new request of it is taken in; what is on its way is finished, the rest waits in the log.${late}` : 'What waits in the log is taken in again, the oldest first.',
    verb: pauses ? 'Pause' : 'Resume',
  }, async () => {
    await call('/dashboard/actions', { action, lane });
    return `The ${lane} lane is ${pauses ? 'paused' : 'open again'}.`;
  });
}

/** Whoever points at a row or is at it with keys would find another one there a second later. @param {HTMLElement} table */
function isInUse(table) {
  return table.matches(':focus-within') || (matchMedia('(hover: hover)').matches && table.matches(':hover'));
}

/** @param {Snapshot} snapshot @param {(requestId: string) => void} onExplain */
export function showRecent({ recent }, onExplain) {
  const table = /** @type {HTMLTableElement} */ (byId('recent'));
  if (table.caption !== null && (table.tBodies[0]?.rows.length ?? 0) > 0 && isInUse(table)) {
    setText(table.caption, 'Held still while you are at it.');
    return;
  }
  const columns = [{ head: 'Request' }, { head: 'Status' }, { head: 'Latency', number: true }, { head: 'Path' }];
  rows(table, columns, recent.slice(0, 12), ({ requestId }) => requestId, (row, answer) => {
    if (cell(row, 0).childElementCount > 0) return;
    const { requestId, status, reason, latencyMs, path, workload } = answer;
    cell(row, 0).append(h('button', { type: 'button', class: 'link', title: `Explain ${requestId}`, onclick: () => onExplain(requestId) }, requestId));
    pill(cell(row, 1), reason === undefined ? status : `${status}: ${words(reason)}`, status === 'complete' ? null : status === 'degraded' ? 'warn' : 'bad');
    setText(cell(row, 2), latency(latencyMs));
    setText(cell(row, 3), path);
    cell(row, 3).title = workload;
  }, 'The newest answers appear here.');
}

/** @param {Snapshot} snapshot */
export function showAudit({ audit }) {
  const list = byId('audit');
  if (audit.length === 0) {
    list.replaceChildren(h('li', { class: 'note' }, 'Nothing yet. Every action is written to the audit topic.'));
    return;
  }
  keyed(list, audit.slice(0, 8), ({ time, action, target, actor }) => `${time} ${actor} ${action} ${target}`, ({ time, actor, action, target, outcome, detail }) =>
    h('li', {}, h('time', { datetime: new Date(time).toISOString() }, clock(time)), h('span', {}, `${actor}: ${action} ${target}${outcome === 'failed' ? ' failed' : ''}${detail === undefined ? '' : ` (${detail})`}`)), () => undefined);
}

/** @param {Snapshot} snapshot */
export function showLetters({ deadLetters: { perMinute, byCode } }) {
  const parent = byId('letters');
  if (byCode.length === 0) {
    parent.replaceChildren(h('p', { class: 'note' }, 'None since this gateway was started.'));
    return;
  }
  const items = byCode.slice(0, 5).map(({ code, stage, count: number }) => h('li', {}, h('span', {}, count(number)), h('span', {}, `${words(code)} (${stage})`)));
  parent.replaceChildren(h('p', { class: 'note' }, perMinute === 0 ? 'None in the last minute. Since this gateway was started:' : `${count(perMinute)} in the last minute. Since this gateway was started:`), h('ol', { class: 'plain' }, ...items));
}
