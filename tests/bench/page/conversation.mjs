/**
 * Measures a long conversation on the relay's page: what a message costs with few and with many before it, a burst into
 * an open and into a closed thread, scrolling, how soon an own message is shown, many contacts, and the heap. The other
 * person is the JavaScript client in this process. Old messages and contacts are put into the page's database directly.
 */
import { randomBytes } from 'node:crypto';
import { WebSocket } from 'ws';
import { createClient, idFromSeed, newSeed, ready } from '../../../web/client/index.js';
import { CHAT, encodeMessage } from '../../../web/page/engine/chat.js';
import { addContacts, addHistory } from '../../e2e/page/history.js';
import { openPerson } from '../../e2e/page/person.js';
import { within } from '../../support/process.js';
import { median } from '../statistics.mjs';
import { START } from '../servers.mjs';
import { browserCpuMs } from './processes.mjs';

const PATIENCE_MS = 600_000;

/** Returns the value below which this share of the values lies. */
const quantile = (values, share) => [...values].sort((a, b) => a - b)[Math.floor(share * (values.length - 1))];

/** A person with a browser of their own, and the other person, who writes to them. */
async function openBoth(relay) {
  await ready;
  const ana = await openPerson(relay.http);
  const link = await ana.invite();
  const client = await createClient({ url: relay.ws, seed: newSeed(), application: CHAT, name: 'Bo', WebSocket });
  const session = client.connect(link);
  await ana.here();
  let count = 0;
  const send = async (text) => {
    const { delivered } = await session.send(encodeMessage({ id: randomBytes(16).toString('hex'), text }, CHAT), {
      channel: 0,
    });
    return delivered;
  };
  return {
    ana,
    /** Sends messages, each when the one before has arrived; resolves when the last one is in the database. */
    async drip(messages) {
      for (let i = 0; i < messages; i += 1) await send(`drip ${(count += 1)}`);
    },
    /** Sends messages at once; resolves when the last one is in the database. */
    async burst(messages) {
      const all = [];
      for (let i = 0; i < messages; i += 1) all.push(send(`burst ${(count += 1)}`));
      await Promise.all(all);
      return `burst ${count}`;
    },
    async close() {
      client.stop();
      await ana.close();
    },
  };
}

/** Returns the processor time that the browser takes for `work`. */
async function costOf(person, work) {
  const before = browserCpuMs(person.browser.profile);
  await work();
  return browserCpuMs(person.browser.profile) - before;
}

const openFirst = async ({ page }) => {
  await page.locator('.contact').last().click();
  await page.locator('.message').last().waitFor();
};
const shown = ({ page }, text) =>
  page.waitForFunction((wanted) => [...document.querySelectorAll('.bubble')].at(-1)?.textContent === wanted, text, {
    timeout: PATIENCE_MS,
  });

/** CPU milliseconds a message while the thread is open, one at a time. */
async function perMessage({ ana, drip }, messages) {
  await drip(10);
  return (await costOf(ana, () => drip(messages))) / messages;
}

/** Runs in the page: the times between frames while it scrolls up. */
function scrollFrames(frames) {
  const box = document.querySelector('.scroller');
  return new Promise((done) => {
    const times = [];
    let before = 0;
    const step = (now) => {
      if (before) times.push(now - before);
      before = now;
      box.scrollTop -= 60;
      if (times.length < frames) requestAnimationFrame(step);
      else done(times);
    };
    requestAnimationFrame(step);
  });
}

/** Runs in the page: notes when Enter was pressed, and when the bubble was in the page and painted after it. */
function watchBubbles() {
  const times = [];
  let pressed = 0;
  addEventListener('keydown', ({ key }) => key === 'Enter' && (pressed = performance.now()), true);
  new MutationObserver((changes) => {
    const mine = changes.some(({ addedNodes }) =>
      [...addedNodes].some((node) => node instanceof Element && node.matches('.message.mine')),
    );
    if (!mine || !pressed) return;
    const began = pressed;
    pressed = 0;
    requestAnimationFrame(() => setTimeout(() => times.push(performance.now() - began)));
  }).observe(document.querySelector('.messages'), { childList: true, subtree: true });
  globalThis.bubbleTimes = times;
}

async function enterToBubble({ ana: { page } }, messages) {
  await page.evaluate(watchBubbles);
  const field = page.locator('.composer textarea');
  for (let i = 1; i <= messages; i += 1) {
    await field.fill(`own ${i}`);
    await field.press('Enter');
    await page.waitForFunction((n) => globalThis.bubbleTimes.length >= n, i);
  }
  return page.evaluate(() => globalThis.bubbleTimes);
}

async function heapBytes({ page, context = page.context() }) {
  const cdp = await context.newCDPSession(page);
  await cdp.send('HeapProfiler.enable');
  await cdp.send('HeapProfiler.collectGarbage');
  const { usedSize } = await cdp.send('Runtime.getHeapUsage');
  await cdp.detach();
  return usedSize;
}

/** A burst into the thread, once it is open and once with another screen in its place. */
async function bursts(both, messages) {
  const { ana, burst } = both;
  const closed = await costOf(ana, async () => {
    await ana.page.evaluate(() => history.back());
    await ana.page.locator('.thread').waitFor({ state: 'detached' });
    await burst(messages);
  });
  await openFirst(ana);
  const began = performance.now();
  const open = await costOf(ana, async () => shown(ana, await burst(messages)));
  return {
    messages,
    closed_ms: closed / messages,
    open_ms: open / messages,
    open_s: (performance.now() - began) / 1e3,
  };
}

export async function measureConversation({
  lengths = [100, 1000, 10_000],
  messages = 100,
  burst = 5000,
  frames = 300,
  contacts = 200,
  progress = () => {},
}) {
  const server = await START.pairlink({ cores: null });
  const figures = { messages, lengths: {} };
  try {
    for (const length of lengths) {
      progress(`conversation: ${length} messages`);
      const both = await openBoth(server.relay);
      const { ana } = both;
      try {
        await addHistory(ana, length);
        await ana.here();
        await shown(ana, `message ${length}`).catch(() => {});
        const row = { cpu_ms: await perMessage(both, messages) };
        figures.lengths[length] = row;
        if (length !== lengths.at(-1)) continue;
        figures.bubble_ms = quantile(await enterToBubble(both, Math.min(40, messages)), 0.95);
        figures.frame_ms = median(await ana.page.evaluate(scrollFrames, frames));
        figures.heap_bytes = await heapBytes(ana);
        figures.rows = await ana.page.locator('.message').count();
      } finally {
        await both.close();
      }
    }
    progress('conversation: a burst');
    const both = await openBoth(server.relay);
    try {
      await addHistory(both.ana, lengths[0]);
      await both.ana.here();
      figures.burst = await within(bursts(both, burst), 'a burst', PATIENCE_MS);
    } finally {
      await both.close();
    }
    figures.contacts = await withContacts(server.relay, { contacts, messages, length: lengths[0] });
  } finally {
    await server.stop();
  }
  return figures;
}

/** What a message costs with many contacts, none of whom is there. */
async function withContacts(relay, { contacts, messages, length }) {
  const both = await openBoth(relay);
  const { ana } = both;
  try {
    await addHistory(ana, length);
    const ids = await Promise.all(Array.from({ length: contacts - 1 }, () => idFromSeed(newSeed())));
    await addContacts(ana, ids);
    await ana.here();
    return { contacts, cpu_ms: await perMessage(both, messages) };
  } finally {
    await both.close();
  }
}
