// Ten minutes of the past, a point a second.
import { byId, h } from './dom.js';
import { milliseconds, percent, rate } from './format.js';

/** @typedef {import('../snapshot.ts').History} History */
/** @typedef {{ label: string, color: string, values: (number | null)[], own?: (number | null)[], fill?: boolean, dash?: number[] }} Line */

const POINTS = 600;
const COLORS = 8;
/** As the large figures: what is older is no figure of now. */
const SHOWN_SECONDS = 10;

/** A variant has the same colour everywhere. @type {string[]} */
const variantOrder = [];

/** @param {string} name */
export function colorOf(name) {
  let index = variantOrder.indexOf(name);
  if (index < 0) index = variantOrder.push(name) - 1;
  return `var(--c${index % COLORS})`;
}

/** Of a colour of the style sheet, as the canvas wants it. @param {string} color */
function resolved(color) {
  const probe = h('span', { '--c': color });
  probe.style.color = color;
  document.body.append(probe);
  const value = getComputedStyle(probe).color;
  probe.remove();
  return value;
}

class Chart {
  /** @param {string} id @param {{ log?: boolean, format: (value: number) => string, range?: [number, number] }} options */
  constructor(id, options) {
    this.parent = byId(`chart-${id}`);
    this.caption = byId(`caption-${id}`);
    this.options = options;
    /** @type {any} */
    this.plot = undefined;
    this.shape = '';
    /** @type {number[]} */
    this.time = [];
    /** @type {Line[]} */
    this.lines = [];
    new ResizeObserver(() => this.plot?.setSize(this.size())).observe(this.parent);
  }

  size() {
    return { width: Math.max(200, this.parent.clientWidth), height: 210 };
  }

  /** @param {number[]} time @param {Line[]} lines */
  show(time, lines) {
    this.time = time;
    this.lines = lines;
    const shape = lines.map(({ label }) => label).join();
    const data = [time, ...lines.map(({ values }) => values)];
    if (this.plot === undefined || shape !== this.shape) this.build(shape, data);
    else this.plot.setData(data);
    this.legend();
  }

  /** @param {string} shape @param {unknown[]} data */
  build(shape, data) {
    this.plot?.destroy();
    this.shape = shape;
    const { format, log = false, range } = this.options;
    const [muted, line] = [resolved('var(--muted)'), resolved('var(--line)')];
    const axis = { stroke: muted, grid: { stroke: line, width: 1 }, ticks: { show: false }, font: '11px system-ui, sans-serif' };
    this.plot = new uPlot({
      ...this.size(),
      cursor: { y: false, points: { size: 6 } },
      legend: { show: false },
      // Half of the last time stands right of its tick.
      padding: [8, 28, 0, 0],
      scales: { y: { ...(log ? { distr: 3 } : {}), ...(range === undefined ? { range: log ? logRange : fromZero } : { range }) } },
      axes: [
        { ...axis, space: 70, size: 26, values: (/** @type {unknown} */ _plot, /** @type {number[]} */ ticks) => ticks.map((tick) => new Date(tick * 1_000).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit', second: '2-digit', hour12: false })) },
        { ...axis, size: 58, space: 28, values: (/** @type {unknown} */ _plot, /** @type {(number | null)[]} */ ticks) => ticks.map((tick) => (tick === null ? '' : format(tick))) },
      ],
      series: [{}, ...this.lines.map(({ label, color, fill = false, dash }) => ({
        label, dash, stroke: resolved(color), width: fill ? 0 : 1.8, points: { show: false }, spanGaps: false,
        ...(fill ? { fill: resolved(color) } : {}),
      }))],
    }, data, this.parent);
  }

  rebuild() {
    if (this.plot !== undefined) this.build(this.shape, [this.time, ...this.lines.map(({ values }) => values)]);
  }

  legend() {
    const shown = this.lines.filter(({ label }) => label !== '');
    if (this.caption.childElementCount !== shown.length) {
      this.caption.replaceChildren(...shown.map(() => h('span', {}, h('span', { class: 'swatch', 'aria-hidden': 'true' }), h('span'))));
    }
    shown.forEach(({ label, color, values, own }, index) => {
      const [swatch, text] = /** @type {HTMLElement[]} */ ([...(this.caption.children[index]?.children ?? [])]);
      swatch?.style.setProperty('--c', color);
      const value = (own ?? values).slice(-SHOWN_SECONDS).findLast((number) => number !== null);
      if (text !== undefined) text.textContent = value === undefined || value === null ? label : `${label} ${this.options.format(value)}`;
    });
  }
}

/** @param {unknown} _plot @param {number | null} _min @param {number | null} max @returns {[number, number]} */
function fromZero(_plot, _min, max) {
  return [0, Math.max(1, (max ?? 0) * 1.12)];
}

/** Whole decades, so that the scale stays still. @param {unknown} _plot @param {number | null} min @param {number | null} max @returns {[number, number]} */
function logRange(_plot, min, max) {
  const low = 10 ** Math.floor(Math.log10(Math.max(0.1, min ?? 1)));
  return [low, Math.max(low * 10, 10 ** Math.ceil(Math.log10(Math.max(0.2, max ?? 10))))];
}

/** The figures that the page has seen; the newest last. */
export class Charts {
  constructor() {
    this.latency = new Chart('latency', { log: true, format: milliseconds });
    this.answers = new Chart('answers', { format: rate });
    this.shares = new Chart('shares', { format: percent, range: [0, 1] });
    /** @type {History | undefined} */
    this.history = undefined;
  }

  /** @param {History} history */
  begin(history) {
    this.history = history;
    this.draw();
  }

  /** @param {History} newest */
  add(newest) {
    const { history } = this;
    if (history === undefined) return;
    for (const [name, values] of Object.entries(newest)) {
      if (name !== 'shares') append(/** @type {any} */ (history)[name], values);
    }
    const length = history.time.length;
    for (const name of new Set([...Object.keys(history.shares), ...Object.keys(newest.shares)])) {
      const known = (history.shares[name] ??= new Array(Math.max(0, length - newest.time.length)).fill(null));
      append(known, newest.shares[name] ?? newest.time.map(() => 0));
    }
    if (length % 2 === 0 || length < 60) this.draw();
  }

  draw() {
    const { history } = this;
    if (history === undefined || history.time.length === 0) return;
    const { time } = history;
    this.latency.show(time, [
      { label: 'p50', color: 'var(--c0)', values: history.p50 }, { label: 'p95', color: 'var(--c3)', values: history.p95 }, { label: 'p99', color: 'var(--c2)', values: history.p99 },
    ]);
    this.answers.show(time, [
      { label: 'all', color: 'var(--c7)', values: history.perSecond, dash: [4, 4] }, { label: 'complete', color: 'var(--c0)', values: history.goodput },
      { label: 'degraded', color: 'var(--c2)', values: history.degraded }, { label: 'rejected or failed', color: 'var(--c4)', values: history.rejected.map((value, index) => value + (history.failed[index] ?? 0)) },
    ]);
    this.shares.show(time, stacked(history));
  }

  /** After a change of colours. */
  recolor() {
    for (const chart of [this.latency, this.answers, this.shares]) chart.rebuild();
  }
}

/** @param {any[]} known @param {any[]} more */
function append(known, more) {
  known.push(...more);
  if (known.length > POINTS) known.splice(0, known.length - POINTS);
}

/** Areas on top of each other: the first drawn is the whole, each next one covers what is below it. @param {History} history @returns {Line[]} */
function stacked({ time, shares }) {
  const names = Object.keys(shares).filter((name) => shares[name]?.some((share) => share !== null && share > 0)).sort();
  const below = time.map(() => 0);
  const lines = names.map((name) => {
    const own = shares[name] ?? [];
    const values = time.map((_, index) => {
      const share = own[index] ?? null;
      if (share === null) return null;
      below[index] = (below[index] ?? 0) + share;
      return below[index] ?? null;
    });
    return { label: name, color: colorOf(name), values, fill: true, own };
  });
  return lines.reverse();
}
