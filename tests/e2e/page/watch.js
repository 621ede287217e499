/** Scripts that watch a page from its start: where the focus is, and what its live regions say. */

/** Runs in the page. Collects in `lostFocus` each change of the page after which nothing has the focus any more. */
export function watchFocus() {
  const lost = (globalThis.lostFocus = []);
  let last = null;
  const name = (element) => `${element.localName}.${element.className} ${(element.textContent ?? '').slice(0, 30)}`;
  let trusted = null; // a click beside everything gives the focus up
  document.addEventListener('pointerdown', ({ target }) => (trusted = target), true);
  document.addEventListener('keydown', () => (trusted = null), true);
  document.addEventListener('focusin', ({ target }) => (last = target), true);
  // Tab leads from the last element out of the page; then nothing is lost.
  let tabbed = false;
  document.addEventListener('keydown', ({ key }) => (tabbed = key === 'Tab'), true);
  document.addEventListener('keyup', () => (tabbed = false), true);
  document.addEventListener(
    'focusout',
    ({ target, relatedTarget }) => {
      if (!tabbed || relatedTarget) return;
      queueMicrotask(() => {
        if (last === target && target.isConnected && target.checkVisibility()) last = null;
      });
    },
    true,
  );
  const look = () => {
    if (!last || trusted?.isConnected || (document.activeElement && document.activeElement !== document.body)) return;
    lost.push(`${history.state?.place?.screen ?? 'home'}: after ${name(last)}`);
    last = null;
  };
  const start = () =>
    new MutationObserver(() => requestAnimationFrame(() => requestAnimationFrame(look))).observe(document, {
      childList: true,
      subtree: true,
      attributes: true,
    });
  start();
}

/** Runs in the page. Collects in `spoken` what a screen reader would say of its own accord: each change of a live region. */
export function watchSpoken() {
  const heard = (globalThis.spoken = []);
  const LIVE = '[aria-live], [role=status], [role=alert], [role=log]';
  const quiet = (region) =>
    region.getAttribute('aria-live') === 'off' || (region.ariaLive === null && region.getAttribute('role') === null);
  const regionOf = (node) => {
    const element = node instanceof Element ? node : node.parentElement;
    const region = element?.closest(LIVE);
    return region && !quiet(region) ? region : null;
  };
  const words = (node) => {
    if (node instanceof Element && (node.closest('[aria-hidden=true]') || node.matches('script, style'))) return '';
    if (node instanceof Text) return node.parentElement?.closest('[aria-hidden=true]') ? '' : node.data;
    return Array.from(node.childNodes, words).join('');
  };
  const hear = (changes) => {
    for (const { type, target, addedNodes } of changes) {
      if (type === 'characterData') {
        if (regionOf(target)) heard.push(words(target).trim());
        continue;
      }
      for (const node of addedNodes) {
        // A region that comes with its words already in it is not read, except an alert.
        const region = node instanceof Element && node.closest(LIVE);
        const whole = region === node ? node.getAttribute('role') === 'alert' && node : regionOf(target) && node;
        if (whole) heard.push(words(whole).trim());
      }
    }
    for (let i = heard.length - 1; i >= 0; i -= 1) if (!heard[i]) heard.splice(i, 1);
  };
  new MutationObserver(hear).observe(document, { childList: true, subtree: true, characterData: true });
}
