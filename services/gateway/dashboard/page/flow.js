// The flow as a living picture: stages, what passes between them and how fast, and who is behind.
import { h, keyed, s, setAttribute, setText } from './dom.js';
import { count, milliseconds, plural, rate } from './format.js';

/** @typedef {import('../snapshot.ts').Snapshot} Snapshot */

const BOX = { y: 60, width: 172, height: 94 };
const MIDDLE = BOX.y + BOX.height / 2;
/** @type {Record<string, { x: number, title: string, does: string }>} */
const STAGES = {
  classifier: { x: 150, title: 'Classifier', does: 'What does it ask for?' },
  scheduler: { x: 436, title: 'Scheduler', does: 'Model × precision' },
  worker: { x: 722, title: 'Workers', does: '' },
  fusion: { x: 1008, title: 'Fusion', does: 'One answer, in time' },
};
/** @type {Record<string, { from: number, to: number, label: string }>} */
const PIPES = {
  requests: { from: 8, to: 146, label: 'requests' },
  tasks: { from: 326, to: 432, label: 'tasks' },
  work: { from: 612, to: 718, label: 'work' },
  outcomes: { from: 898, to: 1004, label: 'outcomes' },
  responses: { from: 1184, to: 1302, label: 'responses' },
};
const DOTS_SHOWN = 14;
/** Behind by less is the rhythm of commits. */
const BEHIND_MS = 3_000;
const BEHIND_RECORDS = 1_000;

/** @param {HTMLElement} parent @returns {(snapshot: Snapshot) => void} */
export function createFlow(parent) {
  const picture = s('svg', { viewBox: '0 0 1310 226', role: 'img', 'aria-labelledby': 'flow-name flow-text' });
  const text = s('desc', { id: 'flow-text' });
  const pipes = Object.fromEntries(Object.entries(PIPES).map(([name, { from, to, label }]) => [name, createPipe(from, to, label)]));
  const stages = Object.fromEntries(Object.entries(STAGES).map(([name, stage]) => [name, createStage(stage)]));
  const chain = s('path', { class: 'chain' });
  const chainText = s('text', { class: 'small on-line', 'text-anchor': 'middle', y: 219 });
  const clicks = createSide(`M 40 190 H 236 V ${BOX.y + BOX.height + 9}`, 40, 182, 'start');
  const next = createSide(`M 808 ${BOX.y + BOX.height + 4} C 808 206, 522 206, 522 ${BOX.y + BOX.height + 9}`, 665, 181, 'middle');
  const beats = s('path', { class: 'beat', d: `M 808 ${BOX.y - 4} C 808 8, 522 8, 522 ${BOX.y - 9}`, 'marker-end': 'url(#arrow)' });
  const beatsText = s('text', { class: 'small', x: 665, y: 38, 'text-anchor': 'middle' }, 'heartbeats');
  const letters = s('text', { class: 'small', x: 1302, y: 196, 'text-anchor': 'end' });
  const dots = s('g', { transform: `translate(${/** @type {any} */ (STAGES['worker']).x + 16} ${BOX.y + 50})` });
  const arrow = s('marker', { id: 'arrow', viewBox: '0 0 8 8', refX: 5, refY: 4, markerWidth: 7, markerHeight: 7, orient: 'auto' }, s('path', { class: 'head', d: 'M 0 0 L 8 4 L 0 8 z' }));
  picture.append(s('title', { id: 'flow-name' }, 'The flow'), text, s('defs', {}, arrow), beats, beatsText, clicks.group, next.group,
    ...Object.values(pipes).map(({ group }) => group), ...Object.values(stages).map(({ group }) => group), dots, chain, chainText, letters);
  parent.replaceChildren(picture);
  setText(clicks.label, 'interactions');

  return (snapshot) => {
    const pace = Object.fromEntries(snapshot.topics.map(({ name, perSecond }) => [name, perSecond]));
    const of = (/** @type {string} */ name) => pace[name] ?? 0;
    const isHeld = snapshot.lanes.some(({ lane, paused }) => lane === 'interactive' && paused !== null);
    const chained = /** @type {string[]} */ (snapshot.stages.find(({ chain: stagesOfChain }) => stagesOfChain.length > 0)?.chain ?? []);
    const steps = snapshot.variants.reduce((sum, { perSecond }) => sum + perSecond, 0);
    const both = chained.includes('scheduler') && chained.includes('fusion');
    showPipe(pipes['requests'], of('requests') + of('requests.bulk'), isHeld, false);
    showPipe(pipes['tasks'], of('tasks'), false, chained.includes('classifier') && both);
    showPipe(pipes['work'], steps, false, chained.includes('worker'), 'steps/s');
    showPipe(pipes['outcomes'], of('outcomes'), false, chained.includes('worker') && both);
    showPipe(pipes['responses'], of('responses'), false, false);
    setText(clicks.value, `${rate(of('interactions'))}/s`);
    setText(next.label, 'a request’s next step');
    for (const stage of snapshot.stages) showStage(stages[stage.name], stage, snapshot);
    showDots(dots, snapshot);
    showChain(chain, chainText, chained);
    const { perMinute } = snapshot.deadLetters;
    setText(letters, perMinute === 0 ? '' : `${plural(perMinute, 'dead letter')} in the last minute`);
    setText(text, sentence(snapshot));
  };
}

/** @param {number} from @param {number} to @param {string} label */
function createPipe(from, to, label) {
  const middle = (from + to) / 2;
  const path = `M ${from} ${MIDDLE} L ${to} ${MIDDLE}`;
  const stream = s('path', { class: 'stream', d: path });
  const value = s('text', { class: 'rate', x: middle, y: MIDDLE + 24, 'text-anchor': 'middle' });
  const group = s('g', {}, s('path', { class: 'pipe', d: path }), stream, s('text', { class: 'small', x: middle, y: MIDDLE - 14, 'text-anchor': 'middle' }, label), value);
  return { group, stream, value };
}

/** @param {string} path @param {number} x @param {number} y @param {string} anchor */
function createSide(path, x, y, anchor) {
  const label = s('tspan', {});
  const value = s('tspan', { dx: 6 });
  const group = s('g', {}, s('path', { class: 'beat', d: path, 'marker-end': 'url(#arrow)' }), s('text', { class: 'small', x, y, 'text-anchor': anchor }, label, value));
  return { group, label, value };
}

/** @param {{ x: number, title: string, does: string }} stage */
function createStage({ x, title, does }) {
  const members = s('tspan', {});
  const status = s('tspan', { class: 'status' });
  const line = s('text', { class: 'small', x: x + 16, y: BOX.y + 78 }, members, status);
  const group = s('g', { class: 'stage' }, s('rect', { x, y: BOX.y, width: BOX.width, height: BOX.height, rx: 12 }),
    s('text', { class: 'name', x: x + 16, y: BOX.y + 28 }, title), s('text', { class: 'small', x: x + 16, y: BOX.y + 49 }, does), line);
  return { group, members, status };
}

/** @param {any} pipe @param {number} perSecond @param {boolean} isHeld @param {boolean} inMemory @param {string} [unit] */
function showPipe(pipe, perSecond, isHeld, inMemory, unit = '/s') {
  setAttribute(pipe.group, 'class', isHeld ? 'held' : null);
  setText(pipe.value, inMemory && perSecond === 0 ? 'in memory' : isHeld ? 'paused' : `${rate(perSecond)}${unit === '/s' ? '/s' : ` ${unit}`}`);
  const moves = perSecond > 0 || inMemory;
  setAttribute(pipe.stream, 'class', moves ? 'stream' : 'stream off');
  const seconds = Math.max(0.35, 4 / Math.log2(perSecond + 2));
  pipe.stream.style.animationDuration = `${seconds.toFixed(1)}s`;
}

/** @param {any} element @param {import('../snapshot.ts').StageStatus} stage @param {Snapshot} snapshot */
function showStage(element, stage, snapshot) {
  const { tone, status, members } = stage.name === 'worker' ? workersStatus(snapshot) : stageStatus(stage);
  setAttribute(element.group, 'data-tone', tone);
  setText(element.members, members === '' || status === '' ? members : `${members} · `);
  setText(element.status, status);
}

/** @param {import('../snapshot.ts').StageStatus} stage */
function stageStatus({ members, lag }) {
  if (members === 0) return { tone: 'bad', status: 'nobody runs it', members: '' };
  if (members === null || lag === null) return { tone: null, status: members === null ? 'not known yet' : 'running', members: members === null ? '' : String(members) };
  const { records, behindMs } = lag;
  const isBehind = records > 0 && (behindMs === null || (behindMs > BEHIND_MS && records > BEHIND_RECORDS));
  if (!isBehind) return { tone: null, status: members === 1 ? 'keeps up' : 'keep up', members: String(members) };
  return { tone: 'warn', status: `${count(records)} behind${behindMs === null || behindMs > 60_000 ? '' : `, ${milliseconds(behindMs)}`}`, members: String(members) };
}

/** @param {Snapshot} snapshot */
function workersStatus({ workers, variants }) {
  const working = workers.filter(({ state }) => state === 'working').length;
  const lost = workers.filter(({ state }) => state === 'silent' || state === 'gone').length;
  const members = String(working);
  const waiting = variants.reduce((sum, { queued }) => sum + queued, 0);
  const open = variants.filter(({ breaker }) => breaker === 'open').length;
  if (lost > 0) return { tone: 'bad', status: `${lost} silent`, members: working === 0 ? '' : `${working} working` };
  if (working === 0) return { tone: 'bad', status: 'nobody infers', members: '' };
  if (open > 0) return { tone: 'warn', status: `${plural(open, 'variant')} out`, members };
  return { tone: null, status: waiting === 0 ? 'nothing waits' : `${count(waiting)} waiting`, members };
}

/** @param {SVGElement} group @param {Snapshot} snapshot */
function showDots(group, { workers }) {
  keyed(group, workers.slice(0, DOTS_SHOWN), ({ instance }) => instance, () => s('circle', { class: 'worker', r: 5 }), (dot, { instance, state }) => {
    const index = [...group.children].indexOf(dot);
    setAttribute(dot, 'cx', String(index * 11 + 3));
    setAttribute(dot, 'data-state', state);
    if (dot.firstChild === null) dot.append(s('title', {}, instance));
  });
}

/** @param {SVGElement} path @param {SVGElement} text @param {string[]} chained */
function showChain(path, text, chained) {
  const places = chained.map((name) => STAGES[name]).filter((place) => place !== undefined);
  if (places.length < 2) {
    setAttribute(path, 'd', '');
    setText(text, '');
    return;
  }
  const left = Math.min(...places.map(({ x }) => x)) - 8;
  const right = Math.max(...places.map(({ x }) => x)) + BOX.width + 8;
  setAttribute(path, 'd', `M ${left} ${BOX.y + BOX.height + 52} v 9 H ${right} v -9`);
  setAttribute(text, 'x', String((left + right) / 2));
  setText(text, `chained, handing on in memory: ${chained.join(', ')}`);
}

/** For who does not see the picture. @param {Snapshot} snapshot */
function sentence(snapshot) {
  const stages = snapshot.stages.map((stage) => {
    const { status, members } = stage.name === 'worker' ? workersStatus(snapshot) : stageStatus(stage);
    return `${stage.name}: ${[members, status].filter((part) => part !== '').join(', ')}`;
  });
  const topics = snapshot.topics.filter(({ perSecond }) => perSecond > 0).map(({ name, perSecond }) => `${name} ${rate(perSecond)} a second`);
  return `${stages.join('; ')}. ${topics.join(', ')}.`;
}

/** A legend's colour beside its name. @param {string} name @param {string} color */
export function swatch(name, color) {
  return h('span', {}, h('span', { class: 'swatch', '--c': color, 'aria-hidden': 'true' }), name);
}
