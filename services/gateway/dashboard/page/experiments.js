// Experiments: arms, how users fared in them, and what an operator can do about it.
import { call } from './api.js';
import { actionsRow, closeButton, confirmThen, openDialog, toast } from './dialogs.js';
import { byId, h, keyed, setAttribute, setText } from './dom.js';
import { clock, count, milliseconds, percent, plural, words } from './format.js';
import { cell, pill, rows } from './tables.js';

/** @typedef {import('../snapshot.ts').Snapshot} Snapshot */
/** @typedef {Snapshot['experiments'][number]} Experiment */
/** @typedef {Experiment['arms'][number]} Arm */

/** Of fewer the figure says nothing. */
const ENOUGH = 20;

/** @type {Record<Experiment['state'], string | null>} */
const TONES = { running: 'good', promoted: 'good', rolled_back: 'bad', stopped: null };
/** @type {Record<string, string | null>} */
const STANDINGS = { won: 'good', lost: 'bad', open: null, too_early: null };

/** @param {Snapshot} snapshot @param {boolean} canOperate */
export function showExperiments({ experiments }, canOperate) {
  byId('experiments-panel').hidden = experiments.length === 0;
  keyed(byId('experiments'), experiments, ({ name }) => name, (experiment) => made(experiment), (element, experiment) => update(element, experiment, canOperate));
}

/** @param {Experiment} experiment */
function made({ name, description }) {
  const table = h('table', { 'aria-label': `Arms of ${name}` });
  return h('div', { class: 'experiment' }, h('div', { class: 'row' }, h('h3', { title: description }, `${name} `, h('span', { class: 'state' })), h('div', { class: 'actions' })),
    h('p', { class: 'note' }), h('div', { class: 'scroll', tabindex: 0, role: 'group', 'aria-label': `Arms of ${name}` }, table));
}

/** @param {Element} element @param {Experiment} experiment @param {boolean} canOperate */
function update(element, experiment, canOperate) {
  const { state, winner, workload, model, goal, why, by, time, arms } = experiment;
  const find = (/** @type {string} */ selector) => /** @type {HTMLElement} */ (element.querySelector(selector));
  pill(find('.state'), state === 'promoted' ? `promoted: ${winner ?? ''}` : words(state), TONES[state]);
  const last = why === '' ? '' : ` Last change at ${clock(time)} by ${by}: ${why}.`;
  setText(find('.note'), `${model} of ${workload}; an arm wins that is ${words(goal)}.${last}`);
  if (canOperate) buttons(find('.actions'), experiment);
  armRows(find('table'), arms, mostOf(arms));
}

/** The end of the scale that intervals are drawn on. @param {readonly Arm[]} arms */
function mostOf(arms) {
  return Math.max(0.01, ...arms.map(({ hitRateAt10, judged }) => (hitRateAt10 === null || judged < ENOUGH ? 0 : hitRateAt10.upper)));
}

/** @param {HTMLElement} table @param {readonly Arm[]} arms @param {number} most */
function armRows(table, arms, most) {
  const columns = [{ head: 'Arm' }, { head: 'Runs' }, { head: 'Users', number: true }, { head: 'Answers', number: true }, { head: 'Bad', number: true }, { head: 'Yielded', number: true }, { head: 'p95', number: true }, { head: 'HR@10' }, { head: 'Against control' }];
  rows(table, columns, arms, ({ name }) => name, (row, arm) => {
    const { name, role, variant, share, answers, badShare, yieldedShare, p95Ms } = arm;
    setText(cell(row, 0), role === 'treatment' ? name : `${name} (${role})`);
    setText(cell(row, 1), variant);
    setText(cell(row, 2), percent(share));
    setText(cell(row, 3), count(answers));
    setText(cell(row, 4), badShare === null ? '–' : percent(badShare));
    setText(cell(row, 5), yieldedShare === null ? '–' : percent(yieldedShare));
    setText(cell(row, 6), p95Ms === null ? '–' : milliseconds(p95Ms));
    hitRate(cell(row, 7), arm, most);
    standing(cell(row, 8), arm);
  }, '');
}

/** @param {HTMLElement} parent @param {Arm} arm @param {number} most */
function hitRate(parent, { hitRateAt10, judged }, most) {
  if (parent.childElementCount === 0) parent.append(h('span', { class: 'whisker', 'aria-hidden': 'true' }, h('i'), h('b')), h('span', { class: 'figure' }));
  const [whisker, figure] = /** @type {HTMLElement[]} */ ([...parent.children]);
  if (whisker === undefined || figure === undefined) return;
  const isKnown = hitRateAt10 !== null && judged >= ENOUGH;
  whisker.hidden = !isKnown;
  setText(figure, isKnown ? `${hitRateAt10.estimate.toFixed(3)} [${hitRateAt10.lower.toFixed(3)}, ${hitRateAt10.upper.toFixed(3)}] of ${count(judged)}` : judged === 0 ? '–' : `${count(judged)} judged`);
  if (!isKnown) return;
  const [range, point] = /** @type {HTMLElement[]} */ ([...whisker.children]);
  if (range === undefined || point === undefined) return;
  range.style.left = `${(100 * hitRateAt10.lower) / most}%`;
  range.style.width = `${(100 * (hitRateAt10.upper - hitRateAt10.lower)) / most}%`;
  point.style.left = `${(100 * hitRateAt10.estimate) / most}%`;
}

/** @param {number} value */
const signed = (value) => `${value < 0 ? '−' : '+'}${Math.abs(value).toFixed(3)}`;

/** @param {HTMLElement} parent @param {Arm} arm */
function standing(parent, { role, out, agreement, difference, standing: of, judged }) {
  if (parent.childElementCount === 0) parent.append(h('span', { class: 'figure' }), h('span', { class: 'verdict' }));
  const [figure, verdict] = /** @type {HTMLElement[]} */ ([...parent.children]);
  if (figure === undefined || verdict === undefined) return;
  setAttribute(parent, 'title', out ?? null);
  const isShown = role === 'treatment' && difference !== null && judged >= ENOUGH;
  setText(figure, role === 'shadow' ? (agreement === null ? 'nothing compared yet' : `agrees ${percent(agreement)}`) : isShown ? `${signed(difference.estimate)} [${signed(difference.lower)}, ${signed(difference.upper)}] ` : '');
  verdict.hidden = out === undefined && (!isShown || of === null);
  if (!verdict.hidden) pill(verdict, out === undefined ? words(of ?? '') : 'rolled back', out === undefined ? STANDINGS[of ?? ''] ?? null : 'bad');
}

/** @param {HTMLElement} parent @param {Experiment} experiment */
function buttons(parent, experiment) {
  const { name, state, arms } = experiment;
  if (parent.childElementCount === 0) {
    const add = (/** @type {string} */ action, /** @type {string} */ text, /** @type {(experiment: Experiment) => void} */ ask) =>
      parent.append(h('button', { type: 'button', 'data-action': action, 'aria-label': `${text.replace('…', '')} ${name}`, onclick: () => ask(/** @type {any} */ (parent).experiment) }, text));
    add('weights', 'Weights…', askWeights);
    add('promote', 'Promote…', askPromote);
    add('rollback', 'Roll back…', askRollback);
    add('stop', 'Stop…', askStop);
  }
  /** @type {any} */ (parent).experiment = experiment;
  const offered = { weights: state === 'running', promote: state !== 'stopped' && arms.some(({ role }) => role === 'treatment'), rollback: state === 'running' || state === 'promoted', stop: state !== 'stopped' };
  for (const [action, isOffered] of Object.entries(offered)) /** @type {HTMLElement} */ (parent.querySelector(`[data-action="${action}"]`)).hidden = !isOffered;
}

/** @param {Experiment} experiment */
function askWeights({ name, arms }) {
  const inputs = arms.filter(({ out }) => out === undefined).map(({ name: arm, role, weight }) =>
    ({ arm, role, input: /** @type {HTMLInputElement} */ (h('input', { type: 'number', min: 0, max: role === 'shadow' ? 1 : 1_000_000, step: 'any', value: String(weight), required: true, id: `weight-${arm}` })) }));
  const note = h('span', { class: 'note', role: 'status' });
  const lines = inputs.flatMap(({ arm, role, input }) => [h('label', { for: input.id }, role === 'shadow' ? `${arm}, share of users mirrored (0 to 1)` : arm), input]);
  const send = (/** @type {Event} */ event) => {
    event.preventDefault();
    const weights = Object.fromEntries(inputs.map(({ arm, input }) => [arm, Number(input.value)]));
    call('/dashboard/actions', { action: 'experiment.weights', experiment: name, weights }).then(() => {
      dialog.close();
      toast(`The weights of ${name} are changed.`);
    }, (error) => setText(note, error.message));
  };
  const form = h('form', { onsubmit: send }, h('div', { class: 'weights' }, ...lines), actionsRow(note, closeButton('Cancel'), h('button', { class: 'primary' }, 'Set weights')));
  const dialog = openDialog(`Weights of ${name}`, [h('p', {}, 'Shares of the users, relative to one another. Only users of arms whose weight changes move.'), form], true);
  inputs[0]?.input.focus();
}

/** @param {Experiment} experiment */
function askPromote({ name, arms }) {
  const choices = arms.filter(({ role }) => role !== 'shadow');
  const select = /** @type {HTMLSelectElement} */ (h('select', { id: 'promoted-arm' }, ...choices.map(({ name: arm, variant, role }) => h('option', { value: arm, selected: role === 'treatment' }, `${arm}: ${variant}`))));
  const note = h('span', { class: 'note', role: 'status' });
  const promote = () => call('/dashboard/actions', { action: 'experiment.promote', experiment: name, arm: select.value }).then(() => {
    dialog.close();
    toast(`${select.value} answers everybody now.`);
  }, (error) => setText(note, error.message));
  const dialog = openDialog(`Promote an arm of ${name}?`, [h('p', {}, 'All users get it. Where it names a version, all workers take that over, without a pause.'), h('label', { for: 'promoted-arm' }, 'Arm '), select, actionsRow(note, closeButton('Cancel'), h('button', { type: 'button', class: 'primary', onclick: () => void promote() }, 'Promote'))], true);
  select.focus();
}

/** @param {Experiment} experiment */
function askRollback({ name, arms }) {
  const others = arms.filter(({ role, out }) => role !== 'control' && out === undefined);
  confirmThen({ title: `Roll ${name} back?`, text: `All users get control; what the ${plural(others.length, 'other arm')} ran is avoided from then on.`, verb: 'Roll back' }, async () => {
    await call('/dashboard/actions', { action: 'experiment.rollback', experiment: name });
    return `${name} is rolled back.`;
  });
}

/** @param {Experiment} experiment */
function askStop({ name }) {
  confirmThen({ title: `Stop ${name}?`, text: 'The policy decides as if there were no experiment. Its figures stay.', verb: 'Stop' }, async () => {
    await call('/dashboard/actions', { action: 'experiment.stop', experiment: name });
    return `${name} is stopped.`;
  });
}
