// Dead letters: look through them, look at one, put back what may succeed now.
import { call } from './api.js';
import { actionsRow, closeButton, openDialog, toast } from './dialogs.js';
import { h, plainTable } from './dom.js';
import { bytes, clock, plural, words } from './format.js';

/** @typedef {import('../operate/list-letters.ts').LetterLine} LetterLine */
/** @typedef {import('../operate/list-letters.ts').LetterList} LetterList */
/** @typedef {import('../operate/list-letters.ts').WholeLetter} WholeLetter */

/** Those that were looked at. @type {Set<string>} */
const seen = new Set();

export async function openLetters() {
  openDialog('Dead letters', [h('p', { class: 'note' }, 'Reading them…'), actionsRow(closeButton())]);
  /** @type {LetterList} */
  let list;
  try {
    list = await call('/dashboard/dead-letters?hours=24');
  } catch (error) {
    openDialog('Dead letters', [h('p', {}, `They cannot be read: ${/** @type {Error} */ (error).message}`), actionsRow(closeButton())]);
    return;
  }
  show(list);
}

/** @param {LetterList} list */
function show({ letters, total }) {
  if (letters.length === 0) {
    openDialog('Dead letters', [h('p', {}, 'There are none of the last 24 hours.'), actionsRow(closeButton())]);
    return;
  }
  const note = h('span', { class: 'note', role: 'status' }, 'Look at one before you put it back.');
  const button = /** @type {HTMLButtonElement} */ (h('button', { type: 'button', class: 'primary', disabled: true }, 'Put back'));
  /** @type {Map<string, HTMLInputElement>} */
  const boxes = new Map();
  const chosen = () => [...boxes].filter(([, box]) => box.checked).map(([key]) => key);
  const changed = () => {
    button.disabled = chosen().length === 0;
    button.textContent = chosen().length === 0 ? 'Put back' : `Put back ${chosen().length}`;
  };
  const body = letters.map((letter) => {
    const { key, time, stage, code, message, bytes: size, inVain } = letter;
    const box = /** @type {HTMLInputElement} */ (h('input', { type: 'checkbox', 'aria-label': `Choose ${key}`, disabled: inVain !== null || !seen.has(key), onchange: changed, title: inVain ?? 'Look at it first' }));
    if (inVain === null) boxes.set(key, box);
    const shown = h('tr', { hidden: true }, h('td', { colspan: 5, class: 'wrap' }));
    const look = h('button', { type: 'button', 'aria-expanded': 'false', onclick: () => void toggle(letter, shown, look, box) }, 'Look');
    return [h('tr', {}, h('td', {}, box), h('td', {}, clock(time)), h('td', {}, `${stage}: ${words(code)}`), h('td', { class: 'wrap' }, message, h('div', { class: 'faint mono' }, `${key}, ${bytes(size)}`)), h('td', {}, look)), shown];
  });
  button.addEventListener('click', () => void replay(chosen(), button, note));
  openDialog('Dead letters', [h('p', { class: 'note' }, `${plural(letters.length, 'letter')} of the last 24 hours${total > letters.length ? `, the newest of ${total}` : ''}.`), plainTable('Dead letters', ['', 'When', 'Why', 'What is wrong', ''], body.flat()), actionsRow(note, closeButton(), button)]);
}

/** @param {LetterLine} letter @param {HTMLElement} row @param {HTMLElement} button @param {HTMLInputElement} box */
async function toggle({ key, inVain }, row, button, box) {
  const opens = row.hidden;
  row.hidden = !opens;
  button.setAttribute('aria-expanded', String(opens));
  button.textContent = opens ? 'Hide' : 'Look';
  const cell = row.firstElementChild;
  if (!opens || cell === null || cell.childElementCount > 0) return;
  try {
    /** @type {WholeLetter} */
    const letter = await call(`/dashboard/dead-letter?key=${encodeURIComponent(key)}`);
    const { value, sourceKey, headers, attempts } = letter;
    const size = `${bytes(value.bytes)}${value.truncated ? ', the beginning' : ''}${value.encoding === 'hex' ? ', not UTF-8: in hexadecimal' : ''}`;
    const facts = h('p', { class: 'note' }, `Key ${sourceKey ?? 'none'}; tried ${plural(attempts, 'time')}; ${size}; headers ${Object.keys(headers).join(', ') || 'none'}`);
    cell.replaceChildren(facts, h('pre', { tabindex: 0 }, value.encoding === 'none' ? '(no value)' : value.text), ...(inVain === null ? [] : [h('p', { class: 'note' }, `To put it back would be in vain: ${inVain}.`)]));
    seen.add(key);
    if (inVain === null) box.disabled = false;
  } catch (error) {
    cell.replaceChildren(h('p', {}, /** @type {Error} */ (error).message));
  }
}

/** @param {string[]} keys @param {HTMLButtonElement} button @param {HTMLElement} note */
async function replay(keys, button, note) {
  button.disabled = true;
  note.textContent = 'Putting them back…';
  try {
    const { replayed } = await call('/dashboard/actions', { action: 'dead-letters.replay', keys });
    toast(`${plural(replayed, 'letter')} put back.`);
    await openLetters();
  } catch (error) {
    note.textContent = /** @type {Error} */ (error).message;
    button.disabled = false;
  }
}
