// Versions of the models: which are served, and which could be.
import { call } from './api.js';
import { actionsRow, closeButton, confirmThen, openDialog } from './dialogs.js';
import { h, plainTable } from './dom.js';
import { plural } from './format.js';

/** @typedef {import('../operate/list-releases.ts').ReleaseLine} ReleaseLine */

const TITLE = 'Versions';

export async function openReleases() {
  openDialog(TITLE, [h('p', { class: 'note' }, 'Reading the registry…'), actionsRow(closeButton())]);
  try {
    const { releases } = /** @type {{ releases: ReleaseLine[] }} */ (await call('/dashboard/releases'));
    show(releases);
  } catch (error) {
    openDialog(TITLE, [h('p', {}, `They cannot be read: ${/** @type {Error} */ (error).message}`), actionsRow(closeButton())]);
  }
}

/** @param {ReleaseLine[]} releases */
function show(releases) {
  const body = releases.map((release) => h('tr', {}, h('th', { scope: 'row' }, release.name), h('td', { class: 'wrap' }, servedText(release)), h('td', { class: 'wrap' }, registryText(release)), h('td', {}, ...buttons(release))));
  const note = 'What workers take over, they take between two batches. One that cannot load a version, or gets other answers from it than the registry says, goes on with the one it has, and says so here.';
  openDialog(TITLE, [h('p', { class: 'note' }, note), plainTable(TITLE, ['Variant', 'Served now', 'In the registry', ''], body), actionsRow(closeButton())]);
}

/** @param {ReleaseLine} release */
function servedText({ serving, refused }) {
  const served = serving.length === 0 ? 'by no worker' : serving.map(({ version, workers }) => `${version} by ${plural(workers, 'worker')}`).join(', ');
  return [served, ...refused.map(({ version, reason }) => `${version} refused: ${reason}`)].join('; ');
}

/** @param {ReleaseLine} release */
function registryText({ versions }) {
  return versions.map(({ version, status }) => `${version} (${status})`).join(', ');
}

/** @param {ReleaseLine} release */
function buttons({ name, stable, versions, serving }) {
  const isServed = (/** @type {string} */ wanted) => serving.length > 0 && serving.every(({ version }) => version === wanted);
  const others = versions.filter(({ version, status }) => status !== 'stable' && !isServed(version));
  const promotes = others.map((other) => button('Promote', `Promote version ${other.version} of ${name}`, () => askPromote(name, other), ` ${other.version}…`));
  const rollsBack = stable !== null && serving.some(({ version }) => version !== stable);
  return rollsBack ? [...promotes, button('Roll back', `Roll ${name} back to version ${stable}`, () => askRollback(name, stable), '…')] : promotes;
}

/** @param {string} verb @param {string} label @param {() => void} onclick @param {string} rest */
function button(verb, label, onclick, rest) {
  return h('button', { type: 'button', 'aria-label': label, onclick }, `${verb}${rest}`);
}

/** @param {string} variant @param {ReleaseLine['versions'][number]} version */
function askPromote(variant, { version, status }) {
  const retired = status === 'retired' ? 'The registry has retired it. ' : '';
  confirmThen({ title: `Promote version ${version} of ${variant}?`, text: `${retired}All workers take it over, without a pause, whatever an experiment says of other versions.`, verb: 'Promote' }, async () => {
    await call('/dashboard/actions', { action: 'model.promote', variant, version });
    return `Workers take version ${version} of ${variant}.`;
  });
}

/** @param {string} variant @param {string} stable */
function askRollback(variant, stable) {
  confirmThen({ title: `Roll ${variant} back?`, text: `All workers return to version ${stable}, the registry’s stable one.`, verb: 'Roll back' }, async () => {
    await call('/dashboard/actions', { action: 'model.rollback', variant });
    return `Workers return to version ${stable} of ${variant}.`;
  });
}
