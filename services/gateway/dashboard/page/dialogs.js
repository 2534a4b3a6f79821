// Questions before something is done, and short messages after it.
import { byId, h } from './dom.js';

/** @param {string} title @param {(Node | null)[]} content @param {boolean} [small] @returns {HTMLDialogElement} */
export function openDialog(title, content, small = false) {
  const dialog = /** @type {HTMLDialogElement} */ (byId('dialog'));
  dialog.className = small ? 'small' : '';
  dialog.replaceChildren(h('h2', { id: 'dialog-title' }, title), ...content.filter((node) => node !== null));
  if (!dialog.open) {
    keepPlace(dialog);
    dialog.showModal();
  }
  return dialog;
}

/** What opened it may be gone when it closes, as the newest requests soon are: who works with keys goes on where it was. @param {HTMLDialogElement} dialog */
function keepPlace(dialog) {
  const place = document.activeElement?.closest('[tabindex="0"]');
  dialog.addEventListener('close', () => {
    if (document.activeElement === document.body && place instanceof HTMLElement) place.focus();
  }, { once: true });
}

/** @param {...(Node | null)} buttons */
export function actionsRow(...buttons) {
  return h('div', { class: 'actions' }, ...buttons);
}

/** @param {string} [label] */
export function closeButton(label = 'Close') {
  return h('button', { type: 'button', onclick: () => /** @type {HTMLDialogElement} */ (byId('dialog')).close() }, label);
}

/** Asks before it acts. @param {{ title: string, text: string, verb: string }} question @param {() => Promise<string>} act says what is done */
export function confirmThen({ title, text, verb }, act) {
  const button = /** @type {HTMLButtonElement} */ (h('button', { type: 'button', class: 'primary' }, verb));
  const note = h('span', { class: 'note', role: 'status' });
  const dialog = openDialog(title, [h('p', {}, text), actionsRow(note, closeButton('Cancel'), button)], true);
  button.addEventListener('click', () => {
    button.disabled = true;
    act().then((message) => {
      dialog.close();
      toast(message);
    }, (error) => {
      button.disabled = false;
      note.textContent = error.message;
    });
  });
  button.focus();
}

/** @param {string} text @param {'good' | 'bad'} [kind] */
export function toast(text, kind = 'good') {
  const message = h('div', { class: 'toast', 'data-kind': kind }, text);
  byId('toasts').append(message);
  setTimeout(() => message.remove(), 6_000);
}
