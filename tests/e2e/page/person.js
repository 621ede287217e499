/**
 * A person with a browser: what they see and do on the page, in the page's own words. One profile each; more tabs by
 * `newTab()`.
 */
import { createRequire } from 'node:module';
import { readFileSync } from 'node:fs';
import { launchChromium } from '../../support/chromium.js';

const axeSource = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

export class Tab {
  constructor(page) {
    this.page = page;
  }

  async open(url) {
    await this.page.goto(url);
    await this.page.locator('.app').waitFor();
    return this;
  }

  /** Makes an invitation and returns its link. */
  async invite() {
    const { page } = this;
    if (await page.locator('.sidebar').isVisible()) await page.getByRole('button', { name: 'Reach someone new' }).click();
    await page.getByRole('button', { name: 'Create an invitation' }).click();
    return page.getByLabel('Invitation link', { exact: true }).inputValue();
  }

  /** Types a link or an ID into the field and goes on. */
  async join(text) {
    await this.page.getByLabel('Code, link or ID').fill(text);
    await this.page.locator('form.join button').click();
  }

  /** Keeps the name that is offered, or another. */
  async callThem(name) {
    await this.page.getByLabel('What do you call them?').fill(name);
    await this.page.getByRole('button', { name: 'Save' }).click();
    await this.page.getByRole('heading', { name, level: 1 }).waitFor();
  }

  /** Waits until messages go through. */
  here() {
    return this.page.locator('.thread-who p', { hasText: 'here now' }).waitFor();
  }

  async say(text) {
    const field = this.page.locator('.composer textarea');
    await field.fill(text);
    await field.press('Enter');
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
    return this.page.locator('.message').evaluateAll((items) =>
      items.map((item) => `${item.classList.contains('mine') ? '>' : '<'} ${item.querySelector('.bubble').textContent}`),
    );
  }

  async ownId() {
    await this.page.getByRole('button', { name: 'Settings and details' }).first().click();
    const id = (await this.page.locator('.sheet .key').first().textContent()).trim();
    await this.page.getByRole('button', { name: 'Back' }).first().click();
    return id;
  }

  /** What axe finds wrong with the screen as it is now: one line each, none if all is well. */
  async axe() {
    await this.page.evaluate(axeSource);
    const { violations } = await this.page.evaluate(() => globalThis.axe.run(document));
    return violations.flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${node.html} ${node.failureSummary}`));
  }
}

export class Person extends Tab {
  constructor(browser, url) {
    super(browser.page);
    this.browser = browser;
    this.url = url;
  }
  get errors() {
    return this.browser.errors;
  }
  async newTab(url = this.url) {
    return new Tab(await this.browser.newPage()).open(url);
  }
  close() {
    return this.browser.close();
  }
}

/** @param {string} url  @param {object} [options] those of launchChromium, and `init`: a script to run before the page's */
export async function openPerson(url, { init, ...options } = {}) {
  const browser = await launchChromium(options);
  if (init) await browser.context.addInitScript(init);
  const person = new Person(browser, url);
  await person.open(url);
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
