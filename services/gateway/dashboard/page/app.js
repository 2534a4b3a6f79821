// Puts the page together: what the gateway sends once a second goes to each part of it.
import { follow, signIn } from './api.js';
import { Charts } from './charts.js';
import { actionsRow, closeButton, openDialog } from './dialogs.js';
import { byId, h, setText } from './dom.js';
import { explain } from './explain.js';
import { showExperiments } from './experiments.js';
import { createFlow } from './flow.js';
import { clock, rate } from './format.js';
import { openLetters } from './letters.js';
import { showCaches, showCost, showQuality, showSpent, showTiles, showTilesWaiting } from './panels.js';
import { openReleases } from './releases.js';
import { showAudit, showLanes, showLetters, showRecent, showVariants, showWorkers, toggleIdle } from './tables.js';

/** @typedef {import('../snapshot.ts').Snapshot} Snapshot */

const THEMES = ['system', 'light', 'dark'];
const EXAMPLE = `curl -s ${location.origin}/v1/requests -H 'content-type: application/json' \\
  -d '{"workload": "recommend", "input": {"history": ["1", "260"], "limit": 5}}'`;

const charts = new Charts();
const showFlow = createFlow(byId('flow'));
/** @type {Snapshot | undefined} */
let last;
let heardAt = 0;
let canOperate = false;

/** @param {Snapshot} snapshot */
function show(snapshot) {
  const parts = [showTiles, showFlow, showVariants, showSpent, showQuality, showCost, showCaches, showLetters, showAudit];
  for (const part of parts) part(snapshot);
  showWorkers(snapshot, canOperate);
  showLanes(snapshot, canOperate);
  showExperiments(snapshot, canOperate);
  showRecent(snapshot, (requestId) => void explain(requestId));
  byId('empty').hidden = snapshot.answers.seen > 0 || snapshot.recent.length > 0 || snapshot.topics.some(({ perSecond }) => perSecond > 0);
  document.title = `${rate(snapshot.answers.perSecond)}/s, Tandem`;
  setText(byId('where'), `${snapshot.log.description}${snapshot.log.durable ? '' : ', not durable'}`);
  banner(snapshot.log.error === undefined ? null : `The log cannot be read: ${snapshot.log.error}. The figures below are the last that are known.`);
}

/** @param {string | null} text */
function banner(text) {
  const element = byId('banner');
  if (element.hidden === (text === null) && (element.textContent ?? '') === (text ?? '')) return;
  element.hidden = text === null;
  setText(element, text ?? '');
}

/** @param {string} name @param {any} data */
function onEvent(name, data) {
  heardAt = Date.now();
  document.body.dataset['state'] = 'live';
  setText(byId('heard'), 'Connected');
  if (name === 'hello') hello(data);
  if (name !== 'snapshot') return;
  last = data.snapshot;
  if (data.newest !== null) charts.add(data.newest);
  show(data.snapshot);
  setText(byId('live'), `Live, ${clock(data.snapshot.time)}`);
}

/** @param {{ actor: string, canOperate: boolean, history: import('../snapshot.ts').History, error: string | null }} data */
function hello({ actor, canOperate: mayOperate, history, error }) {
  canOperate = mayOperate;
  byId('sign-in').hidden = true;
  byId('recent-panel').hidden = !mayOperate;
  byId('audit-panel').hidden = !mayOperate;
  byId('open-letters').hidden = !mayOperate;
  byId('open-releases').hidden = !mayOperate;
  document.body.dataset['actor'] = actor;
  charts.begin(history);
  setText(byId('live'), 'Live');
  banner(error === null ? null : `The log cannot be read: ${error}`);
}

/** @param {string} message @param {number | undefined} status */
function onLost(message, status) {
  document.body.dataset['state'] = last === undefined ? 'loading' : 'lost';
  if (status === 401 || status === 403) {
    setText(byId('live'), 'Signed out');
    byId('sign-in').hidden = false;
    banner(`${message} Sign in with an API key or a token that has the scope “read”.`);
    return;
  }
  document.title = 'Disconnected, Tandem';
  setText(byId('live'), 'Disconnected');
  setText(byId('heard'), 'Disconnected');
  banner(`${message} ${last === undefined ? 'Trying again every second.' : `These are the figures of ${clock(heardAt)}; trying again every second.`}`);
}

function setTheme(/** @type {string} */ theme) {
  localStorage.setItem('tandem-theme', theme);
  if (theme === 'system') delete document.documentElement.dataset['theme'];
  else document.documentElement.dataset['theme'] = theme;
  byId('theme').setAttribute('aria-label', `Colours: ${theme === 'system' ? 'as the system' : theme}`);
  setText(byId('theme'), theme === 'light' ? '☀' : theme === 'dark' ? '☾' : '◐');
  charts.recolor();
}

/** @param {() => void} again */
function askForCredential(again) {
  const input = /** @type {HTMLInputElement} */ (h('input', { type: 'password', id: 'credential', autocomplete: 'off', required: true, style: 'width: 100%' }));
  const dialog = openDialog('Sign in', [h('form', { method: 'dialog', onsubmit: () => {
    signIn(input.value.trim());
    dialog.close();
    again();
  } }, h('label', { for: 'credential' }, 'API key or token. It is kept until this tab is closed.'), input, actionsRow(closeButton('Cancel'), h('button', { class: 'primary' }, 'Sign in')))], true);
  input.focus();
}

showTilesWaiting();
setText(byId('example'), EXAMPLE);
setTheme(localStorage.getItem('tandem-theme') ?? 'system');
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => charts.recolor());
const again = follow({ onEvent, onLost });
byId('theme').addEventListener('click', () => setTheme(THEMES[(THEMES.indexOf(localStorage.getItem('tandem-theme') ?? 'system') + 1) % THEMES.length] ?? 'system'));
byId('sign-in').addEventListener('click', () => askForCredential(again));
byId('open-letters').addEventListener('click', () => void openLetters());
byId('open-releases').addEventListener('click', () => void openReleases());
byId('idle').addEventListener('click', () => {
  toggleIdle();
  if (last !== undefined) showVariants(last);
});
byId('explain-form').addEventListener('submit', (event) => {
  event.preventDefault();
  const requestId = String(new FormData(/** @type {HTMLFormElement} */ (event.target)).get('requestId') ?? '').trim();
  if (requestId !== '') void explain(requestId);
});
