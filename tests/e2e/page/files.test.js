/** Files between two browsers: both ways, several at once, folders, and whatever may interrupt them. */
import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, readdirSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { tempDir } from '../../support/process.js';
import { SHORT_TIMERS, startRelay } from '../../support/relay.js';
import { zipEntries } from '../../support/zip.js';
import { openPair } from './person.js';

const MIB = 1048576;
let relay;
let pair;
beforeAll(async () => {
  relay = await startRelay({ args: SHORT_TIMERS });
});
afterEach(async () => {
  await pair?.close();
  pair = undefined;
});
afterAll(() => relay.stop());

const folder = tempDir('pairlink-files-');
const sha = (bytes) => createHash('sha256').update(bytes).digest('hex');

/** A file on the disk that does not compress to nothing. */
function makeFile(name, size) {
  const path = join(folder, name);
  mkdirSync(join(path, '..'), { recursive: true });
  const block = randomBytes(Math.min(size, MIB));
  const bytes = Buffer.alloc(size);
  for (let at = 0; at < size; at += block.length) {
    if (block.length >= 4) block.writeUInt32LE(at / MIB, 0);
    block.copy(bytes, at);
  }
  writeFileSync(path, bytes);
  return { path, name, hash: sha(bytes), size };
}

const card = (tab, name) => tab.page.getByRole('article', { name, exact: true });
const row = (tab, name) => tab.page.locator('.message[data-kind="file"]', { has: card(tab, name) });
const state = (tab, name, wanted) =>
  tab.page.locator(`.message[data-kind="file"][data-state="${wanted}"]`, { has: card(tab, name) }).waitFor();
const attach = (tab, ...files) =>
  tab.page
    .locator('.composer input[type=file]')
    .first()
    .setInputFiles(files.map(({ path }) => path));
const accept = (tab, name) => card(tab, name).getByRole('button', { name: 'Accept' }).click();
const press = (tab, name, button) => card(tab, name).getByRole('button', { name: button, exact: true }).click();
const says = (tab, name, text) => card(tab, name).getByText(text).waitFor();

/** What the person gets on their disk. */
async function save(tab, name, button = `Save ${name}`) {
  const [download] = await Promise.all([tab.page.waitForEvent('download'), press(tab, name, button)]);
  return { name: download.suggestedFilename(), bytes: readFileSync(await download.path()) };
}
const savedHash = async (tab, name) => sha((await save(tab, name)).bytes);
/** So much of it is there. */
const atLeast = (tab, name, percent) =>
  tab.page.waitForFunction(
    ([title, least]) =>
      Number(
        document.querySelector(`.file[aria-label="${title}"] [role=progressbar]`)?.getAttribute('aria-valuenow'),
      ) >= least,
    [name, percent],
    { polling: 50 },
  );
/** What each process that runs pages and workers of a profile has for itself, in bytes. */
function ownMemory(profile) {
  const read = (pid, what) => {
    try {
      return readFileSync(`/proc/${pid}/${what}`, 'utf8');
    } catch {
      return ''; // it has ended
    }
  };
  const all = readdirSync('/proc')
    .filter((name) => /^[0-9]+$/.test(name))
    .map((pid) => ({ pid, command: read(pid, 'cmdline'), status: read(pid, 'status') }));
  const parents = new Map(all.map(({ pid, status }) => [pid, /^PPid:\s*(\d+)/m.exec(status)?.[1]]));
  const main = all.find(
    ({ command }) => command.includes(`--user-data-dir=${profile}`) && !command.includes('--type='),
  );
  const within = (pid) => pid !== undefined && (pid === main?.pid || within(parents.get(pid)));
  return all
    .filter(({ pid, command }) => command.includes('--type=renderer') && within(pid))
    .map(({ status }) => 1024 * Number(/^RssAnon:\s*(\d+)/m.exec(status)?.[1] ?? 0));
}

/** Bytes that this side has sent for a card, each as often as it was sent. */
const sent = async (tab, name) => Number(await row(tab, name).getAttribute('data-passed'));

describe('a file', () => {
  test('goes both ways, and is the same', async () => {
    pair = await openPair(relay.http);
    const { ana, bo } = pair;
    const [there, back] = [makeFile('there.bin', 3 * MIB + 7), makeFile('back.bin', 200_001)];
    await attach(ana, there);
    await says(bo, 'there.bin', /wants to send you this/);
    await says(ana, 'there.bin', /Waiting for .* to accept/);
    expect(await ana.axe()).toEqual([]);
    expect(await bo.axe()).toEqual([]);
    await accept(bo, 'there.bin');
    await state(bo, 'there.bin', 'saved');
    await state(ana, 'there.bin', 'saved');
    await says(ana, 'there.bin', 'Delivered');
    const got = await save(bo, 'there.bin');
    expect([got.name, sha(got.bytes)]).toEqual(['there.bin', there.hash]);
    await attach(bo, back);
    await accept(ana, 'back.bin');
    await state(ana, 'back.bin', 'saved');
    expect(await savedHash(ana, 'back.bin')).toBe(back.hash);
    expect(await bo.axe()).toEqual([]);
    await row(ana, 'back.bin').hover();
    await row(ana, 'back.bin').locator('.message-more').click();
    await ana.page.getByRole('menuitem', { name: 'Save' }).waitFor();
    await ana.page.getByRole('menuitem', { name: 'Remove from this browser' }).click();
    await ana.page.getByRole('alertdialog').getByRole('button', { name: 'Remove' }).click();
    await says(ana, 'back.bin', 'Removed from this browser');
    expect([...ana.errors, ...bo.errors]).toEqual([]);
  });
  test('several at once, and a folder with folders in it', async () => {
    pair = await openPair(relay.http);
    const { ana, bo } = pair;
    const files = ['one.bin', 'two.bin', 'three.bin'].map((name, i) => makeFile(name, MIB + i));
    await attach(ana, ...files);
    const together = 'one.bin and 2 more';
    await says(bo, together, '3 files');
    await accept(bo, together);
    const inside = ['album/a.bin', 'album/deep/b.bin', 'album/deep/c.bin', 'album/empty.txt'].map((name, i) =>
      makeFile(name, i === 3 ? 0 : 1000 * i + 1),
    );
    utimesSync(inside[0].path, 0, new Date(2001, 1, 3, 4, 5, 6));
    await ana.page.locator('.composer input[type=file]').nth(1).setInputFiles(join(folder, 'album'));
    await says(bo, 'album', /4 files/);
    await accept(bo, 'album');
    for (const name of [together, 'album']) await Promise.all([state(ana, name, 'saved'), state(bo, name, 'saved')]);
    await card(bo, together).getByText('3 files').click();
    await card(bo, 'album').getByText('4 files').click();
    expect(await bo.axe()).toEqual([]);
    for (const [title, list] of [
      [together, files],
      ['album', inside],
    ])
      for (const { name, hash } of list) expect(sha((await save(bo, title, `Save ${name}`)).bytes)).toBe(hash);
    for (const [title, zip, list] of [
      [together, 'one.zip', files],
      ['album', 'album.zip', inside],
    ]) {
      const archive = await save(bo, title, `Save all: ${title}`);
      expect(archive.name).toBe(zip);
      const entries = zipEntries(archive.bytes);
      expect(entries.map(({ name }) => name).sort()).toEqual(list.map(({ name }) => name).sort());
      const time = entries.find(({ name }) => name === 'album/a.bin')?.modified;
      if (title === 'album') expect(time).toEqual(new Date(2001, 1, 3, 4, 5, 6));
    }
    expect([...ana.errors, ...bo.errors]).toEqual([]);
  });
  test('a decline, and a cancel of either side, are said in words', async () => {
    pair = await openPair(relay.http);
    const { ana, bo } = pair;
    const names = ['declined.bin', 'withdrawn.bin', 'stopped.bin'];
    for (const name of names) await attach(ana, makeFile(name, 96 * MIB));
    await press(bo, names[0], `Decline ${names[0]}`);
    await says(ana, names[0], / declined/);
    await says(bo, names[0], 'You declined');
    await press(ana, names[1], /^Cancel/);
    await says(bo, names[1], / cancelled/);
    await accept(bo, names[2]);
    await atLeast(bo, names[2], 5);
    await press(bo, names[2], /^Cancel/);
    await says(ana, names[2], / cancelled/);
    await says(bo, names[2], 'You cancelled');
    await ana.say('and on');
    await bo.hears('and on');
    expect([...ana.errors, ...bo.errors]).toEqual([]);
  });
  test('a pause of either side holds it; only who paused ends that', async () => {
    pair = await openPair(relay.http);
    const { ana, bo } = pair;
    const file = makeFile('held.bin', 48 * MIB);
    await attach(ana, file);
    await accept(bo, file.name);
    await atLeast(bo, file.name, 5);
    await press(bo, file.name, /^Pause/);
    await says(ana, file.name, /Paused by/);
    await says(bo, file.name, 'Paused');
    await bo.page.reload();
    await says(bo, file.name, 'Paused');
    await press(ana, file.name, /^Pause/);
    await press(bo, file.name, /^Resume/);
    await says(bo, file.name, /Paused by/);
    await press(ana, file.name, /^Resume/);
    await state(bo, file.name, 'saved');
    expect(await savedHash(bo, file.name)).toBe(file.hash);
  });
});

describe('goes on by itself', () => {
  test('after a reload of the receiver: nothing is asked, and less than 1 % is sent twice', async () => {
    pair = await openPair(relay.http);
    const { ana, bo } = pair;
    const file = makeFile('reloads.bin', 128 * MIB);
    await attach(ana, file);
    await accept(bo, file.name);
    await atLeast(bo, file.name, 20);
    await bo.page.reload();
    await state(bo, file.name, 'saved');
    await state(ana, file.name, 'saved');
    expect((await sent(ana, file.name)) - file.size).toBeLessThan(0.01 * file.size);
    expect(await savedHash(bo, file.name)).toBe(file.hash);
  });
  test('after a reload of the sender, from the copy that the browser keeps', async () => {
    pair = await openPair(relay.http);
    const { ana, bo } = pair;
    const file = makeFile('sender.bin', 96 * MIB);
    await attach(ana, file);
    await accept(bo, file.name);
    await atLeast(bo, file.name, 20);
    await ana.page.reload();
    await state(bo, file.name, 'saved');
    await state(ana, file.name, 'saved');
    expect(await sent(ana, file.name)).toBeLessThan(0.85 * file.size);
    expect(await savedHash(bo, file.name)).toBe(file.hash);
    expect(await ana.page.getByText('Choose the file again').count()).toBe(0);
    expect([...ana.errors, ...bo.errors].filter((text) => !/WebSocket/.test(text))).toEqual([]);
  });
  test('with the server killed midway, 128 MiB arrive whole, and less than 1 % is sent twice', async () => {
    pair = await openPair(relay.http);
    const { ana, bo } = pair;
    const file = makeFile('killed.bin', 128 * MIB);
    await attach(ana, file);
    await accept(bo, file.name);
    for (const percent of [20, 50]) {
      await atLeast(bo, file.name, percent);
      await relay.restart({ hard: true });
    }
    await state(bo, file.name, 'saved');
    await state(ana, file.name, 'saved');
    expect((await sent(ana, file.name)) - file.size).toBeLessThan(0.01 * file.size);
    expect(await savedHash(bo, file.name)).toBe(file.hash);
  });
  test('when the tab that chose it is closed, another one is enough', async () => {
    pair = await openPair(relay.http);
    const { ana, bo } = pair;
    const second = await ana.newTab();
    await second.page.locator('.contact').click();
    const file = makeFile('tab.bin', 64 * MIB);
    await attach(ana, file);
    await accept(bo, file.name);
    await atLeast(bo, file.name, 5);
    await ana.page.close();
    await state(bo, file.name, 'saved');
    await state(second, file.name, 'saved');
    expect(await savedHash(bo, file.name)).toBe(file.hash);
  });
});

const withoutSharedWorker = () => delete globalThis.SharedWorker;

describe('where tabs have no worker in common', () => {
  test('the leading tab is closed in mid-transfer, and another one goes on, at either side', async () => {
    pair = await openPair(relay.http, { init: withoutSharedWorker });
    const { ana, bo } = pair;
    const others = await Promise.all([ana.newTab(), bo.newTab()]);
    for (const tab of others) await tab.page.locator('.contact').click();
    const [anaToo, boToo] = others;
    const file = makeFile('leader.bin', 64 * MIB);
    await attach(ana, file);
    await accept(bo, file.name);
    await atLeast(bo, file.name, 10);
    await bo.page.close();
    await atLeast(boToo, file.name, 30);
    await ana.page.close();
    await state(boToo, file.name, 'saved');
    await state(anaToo, file.name, 'saved');
    expect(await savedHash(boToo, file.name)).toBe(file.hash);
  });
});

describe('ways to give a file', () => {
  const transferOf = (name, text) => {
    const transfer = new DataTransfer();
    transfer.items.add(new File([text], name, { type: 'text/plain' }));
    return transfer;
  };
  test('dropped anywhere in the thread, or pasted', async () => {
    pair = await openPair(relay.http);
    const { ana, bo } = pair;
    const give = (kind, name) =>
      ana.page.evaluate(
        ([what, title, make]) => {
          const transfer = new Function(`return ${make}`)()(title, 'some text');
          const event =
            what === 'paste'
              ? new ClipboardEvent('paste', { clipboardData: transfer, bubbles: true, cancelable: true })
              : new DragEvent(what, { dataTransfer: transfer, bubbles: true, cancelable: true });
          document.querySelector('.scroller').dispatchEvent(event);
        },
        [kind, name, transferOf.toString()],
      );
    await give('dragover', 'dropped.txt');
    await ana.page.getByText(/Drop files here to send them/).waitFor();
    expect(await ana.axe()).toEqual([]);
    await give('drop', 'dropped.txt');
    await accept(bo, 'dropped.txt');
    await give('paste', 'pasted.txt');
    await accept(bo, 'pasted.txt');
    for (const name of ['dropped.txt', 'pasted.txt']) expect((await save(bo, name)).bytes.toString()).toBe('some text');
    // Where nobody takes it, the browser does not open it in the place of the page either.
    await ana.page.getByRole('button', { name: 'Settings and details' }).first().click();
    const kept = await ana.page.evaluate((make) => {
      const dataTransfer = new Function(`return ${make}`)()('stray.txt', 'x');
      return ['dragover', 'drop'].map((what) =>
        document.body.dispatchEvent(new DragEvent(what, { dataTransfer, bubbles: true, cancelable: true })),
      );
    }, transferOf.toString());
    expect(kept).toEqual([false, false]);
  });
  test('the browser asks before the last tab is closed while a file is on its way', async () => {
    pair = await openPair(relay.http);
    const { ana, bo } = pair;
    const file = makeFile('closing.bin', 96 * MIB);
    await attach(ana, file);
    await accept(bo, file.name);
    await atLeast(bo, file.name, 5);
    const asked = bo.page.waitForEvent('dialog');
    await bo.page.close({ runBeforeUnload: true });
    const dialog = await asked;
    expect(dialog.type()).toBe('beforeunload');
    await dialog.dismiss();
    await state(bo, file.name, 'saved');
    expect(await savedHash(bo, file.name)).toBe(file.hash);
  });
  test('by the keyboard alone: chosen, accepted, saved', async () => {
    pair = await openPair(relay.http);
    const { ana, bo } = pair;
    const file = makeFile('keys.bin', 100_000);
    // The browser's own dialog is held back by a command that takes another way to the page than a key does: so it is
    // given first, and answered by the page before the key is pressed.
    const chosen = ana.page.waitForEvent('filechooser');
    await ana.page.locator('.composer textarea').focus();
    await ana.page.keyboard.press('Shift+Tab');
    await ana.page.keyboard.press('Shift+Tab');
    await expect
      .poll(() => ana.page.evaluate(() => document.activeElement.textContent.trim() || document.activeElement.title))
      .toMatch(/file/i);
    await ana.page.keyboard.press('Enter');
    await (await chosen).setFiles(file.path);
    await says(bo, file.name, /wants to send you this/);
    await card(bo, file.name).getByRole('button', { name: 'Accept' }).focus();
    await bo.page.keyboard.press('Enter');
    await state(bo, file.name, 'saved');
    await card(bo, file.name)
      .getByRole('button', { name: `Save ${file.name}`, exact: true })
      .focus();
    const [download] = await Promise.all([bo.page.waitForEvent('download'), bo.page.keyboard.press('Enter')]);
    expect(sha(readFileSync(await download.path()))).toBe(file.hash);
  });
});

describe('what it costs', () => {
  test('a file of 128 MiB is never whole in memory', async () => {
    pair = await openPair(relay.http);
    const { ana, bo } = pair;
    const file = makeFile('memory.bin', 128 * MIB);
    await attach(ana, file);
    await accept(bo, file.name);
    let most = 0;
    while ((await row(bo, file.name).getAttribute('data-state')) !== 'saved')
      for (const { browser } of [ana, bo]) most = Math.max(most, ...ownMemory(browser.profile));
    expect(most).toBeGreaterThan(0);
    expect(most, `${Math.round(most / MIB)} MiB`).toBeLessThan(200 * MIB);
    expect(await savedHash(bo, file.name)).toBe(file.hash);
  });
});
