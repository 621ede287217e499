/**
 * A person with a browser: what they see and do on the page, in the page's own words. One profile each; more tabs by
 * `newTab()`.
 */
import { createRequire } from 'node:module';
import { readFileSync } from 'node:fs';
import { launchChromium } from '../../support/chromium.js';
import { languages } from '../../../web/page/strings/index.js';
import { makeFormat } from '../../../web/page/strings/format.js';

const axeSource = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** The table of words that the page shows to a browser of this locale. */
export async function wordsOf(locale) {
  const code = locale.split('-')[0];
  return (await languages[code].load())(makeFormat(locale, languages[code]));
}

export class Tab {
  constructor(page, words) {
    this.page = page;
    this.words = words;
  }

  /** A button by the words on it. */
  button(name, within = this.page) {
    return within.getByRole('button', { name, exact: true });
  }

  /** A place of the page, as if one had gone there. */
  async goTo(place) {
    await this.page.evaluate((one) => history.replaceState({ place: one, depth: 0 }, ''), place);
    await this.page.reload();
    await this.page.locator('.app').waitFor();
  }

  async open(url) {
    await this.page.goto(url);
    await this.page.locator('.app').waitFor();
    return this;
  }

  /**
   * Sends the form that a browser sends to an installed page when something is shared with it. Returns the address that
   * this leads to. A file is {name, type, text, modified}.
   */
  async shares(texts, files = []) {
    await this.page.waitForFunction(() => navigator.serviceWorker.controller !== null);
    return this.page.evaluate(
      async ([fields, list]) => {
        const form = new FormData();
        for (const [name, value] of Object.entries(fields)) form.set(name, value);
        for (const { name, type, text, modified } of list)
          form.append('files', new File([text], name, { type, lastModified: modified }));
        await fetch('/share', { method: 'POST', body: form });
        const kept = (await (await caches.open('pairlink-shared')).keys()).map(({ url }) => url.split('/')[4]);
        return `${location.origin}/?do=share&id=${kept.sort().at(-1)}`; // the newest
      },
      [texts, files],
    );
  }

  /** Makes an invitation and returns its link. */
  async invite() {
    const { page, words } = this;
    if (await page.locator('.sidebar').isVisible()) await this.button(words.list.add).click();
    await this.button(words.invite.action).click();
    return page.locator('#invite-link').inputValue();
  }

  /** Makes an invitation and returns its code. */
  async inviteByCode() {
    await this.invite();
    return (await this.page.locator('.code-whole').textContent()).trim();
  }

  /** Types a code, a link or an ID into the field and goes on. */
  async join(text) {
    await this.page.locator('#join-text').fill(text);
    await this.page.locator('form.join button[type=submit]').click();
  }

  /** Keeps the name that is offered, or another. */
  async callThem(name) {
    await this.page.locator('#name-ask').fill(name);
    await this.page.locator('.name-ask button').click();
    await this.page.getByRole('heading', { name, level: 1 }).waitFor();
  }

  /** Waits until messages go through. */
  here() {
    return this.page.locator('.thread-who p', { hasText: this.words.thread.here }).waitFor();
  }

  async say(text) {
    const field = this.page.locator('.composer textarea');
    await field.fill(text);
    if ((await field.getAttribute('enterkeyhint')) === 'enter') await this.page.locator('.button-send').click();
    else await field.press('Enter');
  }

  bubble(side, text) {
    return this.page.locator(`.message.${side}`, { hasText: text });
  }
  hears(text) {
    return this.bubble('theirs', text).first().waitFor();
  }
  delivered(text) {
    return this.page.locator('.message.mine[data-state="delivered"]', { hasText: text }).first().waitFor();
  }
  /** All that stands in the thread, in order: `> mine`, `< theirs`. */
  thread() {
    return this.page
      .locator('.message')
      .evaluateAll((items) =>
        items.map(
          (item) => `${item.classList.contains('mine') ? '>' : '<'} ${item.querySelector('.bubble').textContent}`,
        ),
      );
  }

  async ownId() {
    await this.button(this.words.list.settings).first().click();
    const id = (await this.page.locator('.sheet .key').first().textContent()).trim();
    await this.button(this.words.back).first().click();
    return id;
  }

  /**
   * From now on the screen has a notch and rounded corners: nothing may be there.
   * @param {{top: number, bottom: number, left: number, right: number}} insets in pixels
   */
  async hasNotch(insets) {
    if (this.insets) return;
    this.insets = insets;
    const cdp = await this.page.context().newCDPSession(this.page);
    await cdp.send('Emulation.setSafeAreaInsetsOverride', { insets });
  }

  /**
   * What axe finds wrong with the screen as it is now, what sticks out of it, what is too small to touch, what is under
   * the notch: one line each.
   */
  async axe() {
    await this.page.emulateMedia({ reducedMotion: 'reduce' }); // a colour in the middle of a transition must not be judged
    await this.page.evaluate(stillness);
    await this.page.evaluate(axeSource);
    const { violations } = await this.page.evaluate(() =>
      globalThis.axe.run(document, { rules: { 'target-size': { enabled: true } } }),
    );
    await this.page.emulateMedia({ reducedMotion: null });
    const found = violations.flatMap(({ id, nodes }) =>
      nodes.map((node) => `${id}: ${node.html} ${node.failureSummary}`),
    );
    const hidden = this.insets ? await this.page.evaluate(underNotch, this.insets) : [];
    return [...found, ...(await this.page.evaluate(misfits)), ...hidden];
  }
}

/** Runs in the page: waits for what moves already; what turns for ever is not waited for. */
function stillness() {
  const ends = document.getAnimations().filter((one) => one.effect.getComputedTiming().endTime !== Infinity);
  return Promise.allSettled(ends.map((one) => one.finished)).then(() => undefined);
}

/** Runs in the page. */
function misfits() {
  const name = (element) => `${element.localName}.${element.className} ${element.textContent.slice(0, 40)}`;
  const wide = [
    document.documentElement,
    ...document.querySelectorAll('.app, .main, .sidebar, .contacts, .scroller, .page, .home, .viewer'),
  ]
    .filter((element) => element.scrollWidth > element.clientWidth)
    .map((element) => `sticks out by ${element.scrollWidth - element.clientWidth} px: ${name(element)}`);
  if (!matchMedia('(pointer: coarse)').matches) return wide;
  const small = [
    ...document.querySelectorAll('button, input:not([type=file]), select, textarea, summary, [role=option]'),
  ]
    .filter((element) => element.checkVisibility() && !element.readOnly)
    // Who touches the words of a box ticks it, too.
    .map((element) => ({
      element,
      box: (element.matches('[type=checkbox]') ? element.closest('label') : element).getBoundingClientRect(),
    }))
    .filter(({ element, box }) => box.height < 44 || (box.width < 44 && !element.matches('input')))
    .map(({ element, box }) => `only ${box.width}×${box.height} px: ${name(element)}`);
  return [...wide, ...small];
}

/** Runs in the page: what one reads or touches that is under the notch or a corner, and cannot be scrolled away. */
function underNotch({ top, bottom, left, right }) {
  const scrolls = (element, towards) => {
    for (let box = element.parentElement; box; box = box.parentElement) {
      const free = /auto|scroll/.test(getComputedStyle(box).overflowY) || box === document.documentElement;
      const room = box.scrollHeight - box.clientHeight;
      if (free && (towards === 'up' ? box.scrollTop > 0 : room - box.scrollTop > 1)) return true;
    }
    return false;
  };
  const found = [];
  for (const element of document.querySelectorAll('button, input, select, textarea, summary, a, h1, h2, p, label')) {
    if (!element.checkVisibility() || element.closest('.visually-hidden, .offscreen')) continue;
    const box = element.getBoundingClientRect();
    if (box.width === 0 || box.bottom <= 0 || box.top >= innerHeight) continue;
    const covered = [
      box.left < left - 1 && 'left',
      box.right > innerWidth - right + 1 && 'right',
      box.top < top - 1 && !scrolls(element, 'up') && 'top',
      box.bottom > innerHeight - bottom + 1 && !scrolls(element, 'down') && 'bottom',
    ].filter(Boolean);
    const name = `${element.localName}.${element.className} ${element.textContent.slice(0, 40)}`;
    const { x, y, width, height } = box;
    if (covered.length > 0) found.push(`under the notch (${covered.join(', ')}) at ${[x, y, width, height]}: ${name}`);
  }
  return found;
}

export class Person extends Tab {
  constructor(browser, url, words) {
    super(browser.page, words);
    this.browser = browser;
    this.url = url;
  }
  get errors() {
    return this.browser.errors;
  }
  async newTab(url = this.url) {
    return new Tab(await this.browser.newPage(), this.words).open(url);
  }
  close() {
    return this.browser.close();
  }
}

/**
 * @param {string} url  @param {object} [options] those of launchChromium (`browser`: the running one to share), `init`:
 *   scripts to run before the page's, and `wait`: false for an address without the page
 */
export async function openPerson(url, { init, wait = true, ...options } = {}) {
  const browser = await launchChromium(options);
  for (const script of [init ?? []].flat()) await browser.context.addInitScript(script);
  const person = new Person(browser, url, await wordsOf(options.locale ?? 'en-GB'));
  if (wait) await person.open(url);
  else await person.page.goto(url);
  return person;
}

/** Two people who are paired by an invite link, both in the conversation. */
export async function openPair(url, { init, other = url, ...options } = {}) {
  const [ana, bo] = await Promise.all([openPerson(url, { init, ...options }), openPerson(other, { init, ...options })]);
  const link = await ana.invite();
  await bo.page.goto(link);
  await Promise.all([ana.here(), bo.here()]);
  return { ana, bo, link, close: () => Promise.all([ana.close(), bo.close()]) };
}
