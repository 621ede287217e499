/**
 * Measures browsers: throughput and round trips of one session between two pages, each in its own Chromium with the
 * JavaScript client in a SharedWorker; a file between two people on the relay's page; how long the relay's page takes to load and to be ready, at full speed and with a
 * processor four times slower; and the bytes of a first visit. Nothing is pinned to a core, because browsers have many
 * threads.
 */
import { randomBytes } from 'node:crypto';
import { rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { openPair } from '../e2e/page/person.js';
import { launchChromium } from '../support/chromium.js';
import { tempDir, within } from '../support/process.js';
import { startProxy } from '../support/proxy.js';
import { median } from './statistics.mjs';
import { START } from './servers.mjs';

const MiB = 1 << 20;
const MESSAGE_BYTES = 65_536;
const PATIENCE_MS = 60_000;
const HERE = dirname(fileURLToPath(import.meta.url));

/** Serves a page with only a worker, from its own origin. */
async function serveWorker() {
  const result = await build({
    entryPoints: [join(HERE, 'page/worker.js')],
    bundle: true,
    format: 'esm',
    minify: true,
    write: false,
    logLevel: 'error',
  });
  const files = {
    '/': ['text/html', '<!doctype html><title>benchmark</title><link rel="icon" href="data:,">'],
    '/worker.js': ['text/javascript', result.outputFiles[0].text],
  };
  const server = createServer((request, response) => {
    const [type, body] = files[request.url] ?? ['text/plain', ''];
    response.writeHead(files[request.url] ? 200 : 404, { 'content-type': type });
    response.end(body);
  });
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  return { origin: `http://127.0.0.1:${server.address().port}`, stop: () => server.close() };
}

/** Starts the worker in the page. `said(name)` settles with the first message that has this property. */
async function startWorker(page, origin, order) {
  await page.goto(origin);
  await page.evaluate((data) => {
    const heard = [];
    window.waiting = [];
    window.said = (name) =>
      new Promise((done, fail) => {
        window.waiting.push({ name, done, fail });
        window.look();
      });
    window.look = () => {
      window.waiting = window.waiting.filter(({ name, done, fail }) => {
        const message = heard.find((m) => name in m || 'error' in m);
        if (message) 'error' in message ? fail(new Error(message.error)) : done(message);
        return !message;
      });
    };
    const worker = new SharedWorker('/worker.js', { type: 'module' });
    worker.port.onmessage = ({ data: message }) => {
      heard.push(message);
      window.look();
    };
    worker.onerror = (event) => {
      heard.push({ error: event.message });
      window.look();
    };
    worker.port.postMessage(data);
  }, order);
  return (name) => page.evaluate((n) => window.said(n), name);
}

/**
 * Measures one session between two pages: MB/s from the first send to the last receipt, and a round trip of 64 bytes
 * with its receipt.
 */
export async function measurePages({ rounds, bytes = 64 * MiB }) {
  const web = await serveWorker();
  const rows = [];
  let server;
  try {
    server = await START.pairlink({ args: ['--origin', web.origin], cores: null });
    for (let round = 1; round <= rounds; round++) {
      const people = [];
      try {
        for (let i = 0; i < 2; i++) people.push(await launchChromium());
        const callee = await startWorker(people[0].page, web.origin, { role: 'listen', url: server.relay.ws, bytes });
        const { id } = await callee('id');
        const caller = await startWorker(people[1].page, web.origin, {
          role: 'send',
          url: server.relay.ws,
          peer: id,
          bytes,
          size: MESSAGE_BYTES,
        });
        const { seconds, rounds: times } = await caller('seconds');
        await callee('received');
        rows.push({ round, mb_per_s: bytes / 1e6 / seconds, round_ms: median(times) });
      } finally {
        await Promise.all(people.map((person) => person.close()));
      }
    }
  } finally {
    web.stop();
    await server?.stop();
  }
  return {
    bytes,
    message_bytes: MESSAGE_BYTES,
    rows,
    mb_per_s: median(rows.map((r) => r.mb_per_s)),
    round_ms: median(rows.map((r) => r.round_ms)),
  };
}

/**
 * Measures a file between two people on the relay's page, each with a Chromium of their own: from the click on *Accept*
 * until both pages show the file as saved.
 */
export async function measurePageFile({ rounds, bytes }) {
  const server = await START.pairlink({ cores: null });
  const rows = [];
  try {
    for (let round = 1; round <= rounds; round++) {
      const path = join(tempDir('pairlink-page-'), `file-${round}`);
      writeFileSync(path, randomBytes(bytes));
      const pair = await openPair(server.relay.http);
      const saved = ({ page }) => page.locator('.message[data-kind="file"][data-state="saved"]').waitFor();
      try {
        await pair.ana.page.locator('.composer input[type=file]').first().setInputFiles([path]);
        const accept = pair.bo.page.getByRole('button', { name: /^Accept / });
        await accept.waitFor();
        const began = performance.now();
        await accept.click();
        await within(Promise.all([saved(pair.bo), saved(pair.ana)]), 'file that is saved', PATIENCE_MS);
        rows.push({ round, mb_per_s: bytes / 1e3 / (performance.now() - began) });
      } finally {
        await pair.close();
        rmSync(path);
      }
    }
  } finally {
    await server.stop();
  }
  return { bytes, rounds, rows, mb_per_s: median(rows.map((r) => r.mb_per_s)) };
}

/** Measures a first visit, in times since the navigation. `ready_ms`: a person can use the page. `online_ms`: its
 * worker has loaded the cryptography and is connected to the relay. The bytes are all that the relay sent until then.
 */
async function visit(port, slower) {
  const proxy = await startProxy(port);
  let person;
  try {
    person = await launchChromium();
    const cdp = await person.context.newCDPSession(person.page);
    await cdp.send('Emulation.setCPUThrottlingRate', { rate: slower });
    let bytes = 0;
    const online = new Promise((done) => {
      proxy.on('received', (chunk) => {
        bytes += chunk.length;
        if (chunk.includes('101 Switching')) done(performance.now());
      });
    });
    const began = performance.now();
    await person.page.goto(proxy.http);
    await person.page.locator('.app').waitFor();
    const ready = performance.now();
    const online_ms = (await within(online, 'the page before the relay', PATIENCE_MS)) - began;
    const times = await person.page.evaluate(() => {
      const [navigation] = performance.getEntriesByType('navigation');
      const paint = performance.getEntriesByName('first-contentful-paint')[0];
      return {
        dom_ms: navigation.domContentLoadedEventEnd,
        load_ms: navigation.loadEventEnd,
        paint_ms: paint?.startTime ?? null,
      };
    });
    return { ...times, ready_ms: ready - began, online_ms, bytes };
  } finally {
    await person?.close();
    await proxy.stop();
  }
}

export async function measureVisits({ rounds }) {
  const server = await START.pairlink({ cores: null });
  const rows = [];
  try {
    for (let round = 1; round <= rounds; round++)
      for (const slower of [1, 4]) rows.push({ round, slower, ...(await visit(server.port, slower)) });
  } finally {
    await server.stop();
  }
  const of = (slower) => {
    const mine = rows.filter((r) => r.slower === slower);
    return Object.fromEntries(
      ['paint_ms', 'dom_ms', 'load_ms', 'ready_ms', 'online_ms', 'bytes'].map((f) => [
        f,
        median(mine.map((r) => r[f])),
      ]),
    );
  };
  return { rows, full_speed: of(1), quarter_speed: of(4) };
}
