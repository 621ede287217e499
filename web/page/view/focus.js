/**
 * Keeps the focus in the page, so that nobody who uses the keyboard or a screen reader is thrown back to its start.
 *
 * - A screen that opens is shown from its top, and gets the focus: the element with `data-first`, else its heading. Who
 *   goes back finds the focus where it was when they left.
 * - When what has the focus disappears, the focus goes to the successor that it, or something around it, declares in
 *   `data-then` (selectors, the first that fits). Without one it goes to what came in its place, to what follows, or to
 *   the heading.
 * - Whoever gives the focus up, by a click beside everything, has given it up.
 */
const FOCUSABLE = 'a[href], button, input, select, textarea, summary, [tabindex]';
const WRITING = 'textarea, input:not([type]), input[type=text], input[type=search], input[type=password]';
/** Only a mouse or a keyboard: on a phone, a field with the focus would bring up the keyboard. */
const writesAtOnce = () => matchMedia('(hover: hover)').matches;

/** What has the focus, and what is around it, innermost first. @type {Element[]} */
let path = [];
/** Where the focus was in the places that were left. @type {Map<string, Mark>} */
const left = new Map();
/** The screen that is open, and how many places are behind it. @type {{key: string, depth: number}} */
let open = { key: '', depth: 0 };
/** The focus waits in `main` for the heading of a screen that is still loading. */
let waiting = false;

/** @typedef {{id: string, tag: string, label: string}} Mark how an element is found again */

/** Starts to watch; once for the page. */
export function keepFocus() {
  document.addEventListener('focusin', ({ target }) => {
    if (target instanceof Element) path = around(target);
    waiting &&= target === main();
  });
  document.addEventListener('focusout', () => queueMicrotask(givenUp));
  new MutationObserver(look).observe(document.body, {
    childList: true,
    subtree: true,
    attributes: true,
    attributeFilter: ['disabled', 'hidden'],
  });
}

/**
 * Gives the focus to a screen that has opened. The page itself has just opened if no screen was before; then only
 * something to write in gets it.
 * @param {string} key of the screen
 */
export function enterScreen(key) {
  const depth = history.state?.depth ?? 0;
  const before = open;
  open = { key, depth };
  if (key === before.key) return; // drawn again, as in another language
  main()?.scrollTo(0, 0); // not as far down as the screen before
  if (before.key && path[0]) left.set(before.key, markOf(path[0]));
  const mark = depth < before.depth ? left.get(key) : undefined;
  const found = mark && find(mark);
  if (found) focus(found);
  else arrive(!before.key);
}

/** @param {boolean} quietly nothing but something to write in gets the focus */
function arrive(quietly = false) {
  const found = pick('.main [data-first]') ?? (quietly ? null : heading());
  waiting = found !== null && found === main();
  if (document.activeElement !== found) focus(found);
}

/** @returns {HTMLElement | null} */
const main = () => document.querySelector('main');

/** @param {Element} element */
function around(element) {
  const list = [];
  for (let one = /** @type {Element | null} */ (element); one; one = one.parentElement) list.push(one);
  return list;
}

/** Looks whether the focus was lost, after each change of the page. @param {MutationRecord[]} changes */
function look(changes) {
  const last = path[0];
  if (waiting && document.activeElement === main()) return arrive();
  if (!last || !isOff(last) || elsewhere(last)) return;
  focus(successor(last, changes) ?? heading());
}

/** After the focus has left an element that is still there: it was hidden, or someone clicked beside everything. */
function givenUp() {
  const last = path[0];
  if (!last || isOff(last) || elsewhere(last) || document.activeElement === last) return;
  if (last.checkVisibility()) path = [];
  else focus(heading());
}

/** @param {Element} element */
const isOff = (element) => !element.isConnected || element.matches(':disabled') || element.closest('[hidden]') !== null;

/** Returns whether something else has the focus. @param {Element} last */
const elsewhere = (last) => {
  const { activeElement, body } = document;
  return activeElement !== null && activeElement !== body && activeElement !== last;
};

/**
 * Returns what gets the focus after `last`, or undefined.
 * @param {Element} last @param {MutationRecord[]} changes
 */
function successor(last, changes) {
  for (const element of path) {
    const then = element instanceof HTMLElement && element.dataset.then;
    const chosen = then && pick(then);
    if (chosen) return chosen;
  }
  const twin = last.id && document.getElementById(last.id);
  if (twin && canFocus(twin)) return twin;
  const change = changes.find(({ removedNodes }) => Array.from(removedNodes).some((node) => node.contains(last)));
  if (!change || !change.target.isConnected) return undefined;
  const added = changes
    .filter(({ target }) => target === change.target)
    .flatMap(({ addedNodes }) => Array.from(addedNodes))
    .filter((node) => node instanceof Element && node.isConnected);
  return inside(/** @type {Element[]} */ (added)) ?? beside(change);
}

/**
 * Returns the first that can have the focus in new elements; one that asks for it comes first.
 * @param {Element[]} added
 */
function inside(added) {
  const all = added.flatMap((one) => [one, ...one.querySelectorAll(FOCUSABLE)]).filter(canFocus);
  return all.find((one) => one.matches('[autofocus], [data-first]')) ?? all[0];
}

/** Returns what is nearest to something that was removed, first what follows. @param {MutationRecord} change */
function beside({ target, nextSibling }) {
  const { DOCUMENT_POSITION_FOLLOWING: FOLLOWING } = Node;
  /** @param {Element} one */
  const follows = (one) =>
    nextSibling?.isConnected
      ? nextSibling.contains(one) || (nextSibling.compareDocumentPosition(one) & FOLLOWING) !== 0
      : !target.contains(one) && (target.compareDocumentPosition(one) & FOLLOWING) !== 0;
  let scope = target instanceof Element ? target : null;
  for (; scope && !scope.matches('main, body'); scope = scope.parentElement) {
    const all = Array.from(scope.querySelectorAll(FOCUSABLE)).filter(canFocus);
    const chosen = all.find(follows) ?? all.at(-1);
    if (chosen) return chosen;
  }
  return undefined;
}

/** @param {Element} element @returns {element is HTMLElement} */
const canFocus = (element) =>
  element instanceof HTMLElement &&
  element.tabIndex >= 0 &&
  !element.matches(':disabled, [type=hidden]') &&
  element.checkVisibility() &&
  (writesAtOnce() || !element.matches(WRITING) || Boolean(path[0]?.matches(WRITING)));

/** Returns the first that fits the selectors, in their order. @param {string} selectors */
function pick(selectors) {
  for (const selector of selectors.split(','))
    for (const found of document.querySelectorAll(selector)) if (canFocus(found)) return found;
  return undefined;
}

/** The heading of what is open: of a dialog, or of the screen. @returns {HTMLElement | null} */
function heading() {
  const found = document.querySelector('dialog[open] :is(h1, h2), main h1') ?? document.querySelector('h1') ?? main();
  if (!(found instanceof HTMLElement)) return null;
  if (!found.hasAttribute('tabindex')) found.tabIndex = -1;
  return found;
}

/** @param {HTMLElement | null | undefined} element */
function focus(element) {
  element?.focus({ preventScroll: element.matches('h1, main') });
}

/** @param {Element} element @returns {Mark} */
const markOf = (element) => ({ id: element.id, tag: element.localName, label: labelOf(element) });

/** @param {Element} element */
const labelOf = (element) => (element.getAttribute('aria-label') ?? element.textContent ?? '').slice(0, 80);

/** @param {Mark} mark @returns {HTMLElement | undefined} */
function find({ id, tag, label }) {
  const byId = id && document.getElementById(id);
  if (byId && canFocus(byId)) return byId;
  if (!label) return undefined;
  const all = Array.from(document.querySelectorAll(tag)).filter(canFocus);
  return all.find((one) => labelOf(one) === label);
}
