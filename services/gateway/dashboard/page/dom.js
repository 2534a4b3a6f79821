// Small helpers around the document. Text always goes in as text, never as markup: ids and messages are strangers'.

/**
 * @param {string} tag
 * @param {Record<string, unknown>} [attributes] `on…` are listeners; false and null leave out
 * @param {...(Node | string | null)} children
 * @returns {HTMLElement}
 */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  apply(element, attributes);
  element.append(...children.filter((child) => child !== null));
  return element;
}

/**
 * The same for SVG.
 * @param {string} tag
 * @param {Record<string, unknown>} [attributes]
 * @param {...(Node | string)} children
 * @returns {SVGElement}
 */
export function s(tag, attributes = {}, ...children) {
  const element = document.createElementNS('http://www.w3.org/2000/svg', tag);
  apply(element, attributes);
  element.append(...children);
  return element;
}

/** @param {Element & ElementCSSInlineStyle} element @param {Record<string, unknown>} attributes */
function apply(element, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === 'function') element.addEventListener(name.slice(2), /** @type {EventListener} */ (value));
    else if (name.startsWith('--')) element.style.setProperty(name, String(value));
    else if (value !== null && value !== false && value !== undefined) element.setAttribute(name, value === true ? '' : String(value));
  }
}

/**
 * A table that is made once, in a box that it can be scrolled in, also by keys.
 * @param {string} label @param {readonly string[]} heads @param {readonly HTMLElement[]} rows
 */
export function plainTable(label, heads, rows) {
  const head = h('tr', {}, ...heads.map((text) => h('th', { scope: 'col' }, text)));
  return h('div', { class: 'scroll', tabindex: 0, role: 'group', 'aria-label': label }, h('table', {}, h('thead', {}, head), h('tbody', {}, ...rows)));
}

/** @param {string} id @returns {HTMLElement} */
export function byId(id) {
  const element = document.getElementById(id);
  if (element === null) throw new Error(`the page has no ${id}`);
  return element;
}

/** Only what changed is touched: a reader's place and focus stay. @param {Element} element @param {string} value */
export function setText(element, value) {
  if (element.textContent !== value) element.textContent = value;
}

/** @param {Element} element @param {string} name @param {string | null} value */
export function setAttribute(element, name, value) {
  if (value === null) element.removeAttribute(name);
  else if (element.getAttribute(name) !== value) element.setAttribute(name, value);
}

/**
 * Children that stand for items: kept by key, so that focus stays where it is.
 * @template Item
 * @param {Element} parent
 * @param {readonly Item[]} items
 * @param {(item: Item) => string} keyOf
 * @param {(item: Item) => Element} create
 * @param {(element: Element, item: Item) => void} update
 */
export function keyed(parent, items, keyOf, create, update) {
  /** @type {Map<string | null, Element>} */
  const known = new Map([...parent.children].map((child) => [child.getAttribute('data-key'), child]));
  items.forEach((item, index) => {
    const key = keyOf(item);
    let element = known.get(key);
    known.delete(key);
    if (element === undefined) {
      element = create(item);
      element.setAttribute('data-key', key);
    }
    if (parent.children[index] !== element) parent.insertBefore(element, parent.children[index] ?? null);
    update(element, item);
  });
  for (const left of known.values()) left.remove();
}
