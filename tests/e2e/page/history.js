/** Fills a person's thread with old messages, straight in the database, as if they had been written over weeks. */

/**
 * Adds `count` messages to the only contact of a person, `minutes` apart and the last of them some minutes ago, and
 * reloads the page. Every third is their own. Their texts are `message 1`, `message 2` …, some of them long.
 * @returns {Promise<void>}
 */
export async function addHistory(person, count, { minutes = 20, contact } = {}) {
  await person.page.evaluate(fill, { count, minutes, contact });
  await person.page.reload();
  await person.page.locator('.app').waitFor();
}

/**
 * Adds contacts who are paired and never there, and reloads the page.
 * @param {string[]} ids valid ones
 */
export async function addContacts(person, ids) {
  await person.page.evaluate(fillContacts, ids);
  await person.page.reload();
  await person.page.locator('.app').waitFor();
}

/** Runs in the page. */
async function fillContacts(ids) {
  const request = indexedDB.open('pairlink');
  await new Promise((done) => (request.onsuccess = done));
  const db = request.result;
  const work = db.transaction('contacts', 'readwrite');
  ids.forEach((id, i) => {
    const at = Date.now() - (i + 10) * 3_600_000;
    const last = { text: `the last words of contact ${i}`, at, mine: 0 };
    const paired = { createdAt: at, pairedAt: at, unread: 0, blocked: false, application: 'chat/1', asked: true };
    work.objectStore('contacts').add({ id, how: 'code', name: `Contact ${i}`, hint: '', ...paired, last });
  });
  await new Promise((done) => (work.oncomplete = done));
  db.close();
}

/** Runs in the page: what `addHistory` adds. */
export async function fill({ count, minutes, contact }) {
  const settled = (request) =>
    new Promise((done, fail) => {
      request.onsuccess = () => done(request.result);
      request.onerror = () => fail(request.error);
    });
  const db = await settled(indexedDB.open('pairlink'));
  const id = contact ?? (await settled(db.transaction('contacts').objectStore('contacts').getAllKeys()))[0];
  const work = db.transaction('messages', 'readwrite');
  const store = work.objectStore('messages');
  const end = Date.now() - 10 * 60_000;
  for (let i = 1; i <= count; i += 1) {
    const mine = i % 3 === 0 ? 1 : 0;
    const text = `message ${i}${i % 7 === 0 ? `, which is a longer one and goes on for a while. ${'And on. '.repeat(i % 40)}` : ''}`;
    const at = end - (count - i) * minutes * 60_000;
    const state = mine ? 'delivered' : 'received';
    store.add({ contact: id, mine, id: i.toString(16).padStart(32, '0'), kind: 'text', text, at, state });
  }
  await new Promise((done, fail) => {
    work.oncomplete = done;
    work.onabort = () => fail(work.error);
  });
  db.close();
}
