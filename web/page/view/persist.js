/**
 * Asks the browser to keep what is stored here. Browsers may delete the data of pages when the disk is full; Safari
 * does so after some weeks without a visit. Firefox shows a question, so this is asked once, in answer to a person who
 * sends or pairs and so has something to keep, and never when the page loads.
 */
const ASKED = 'persist-asked';

/**
 * Returns whether the browser keeps the data: 'yes'; 'no', it may delete it; 'private', it is gone when the window is
 * closed, as far as a page can see that; 'unknown', it does not say.
 * @param {{ask?: boolean}} [how] ask: called in answer to a click, as Firefox asks the person
 * @returns {Promise<'yes' | 'no' | 'private' | 'unknown'>}
 */
export async function persistence({ ask = false } = {}) {
  const { storage } = navigator;
  if (!globalThis.isSecureContext || !storage?.persisted) return 'unknown';
  try {
    if (await storage.persisted()) return 'yes';
    if (ask && (await storage.persist())) return 'yes';
    return (await isPrivate()) ? 'private' : 'no';
  } catch {
    return 'unknown';
  }
}

/** Firefox offers its private windows no folder of their own. Chromium's and Safari's do not show. */
async function isPrivate() {
  const { storage } = navigator;
  if (!storage.getDirectory) return false;
  try {
    await storage.getDirectory();
    return false;
  } catch (error) {
    return /** @type {Error} */ (error).name === 'SecurityError';
  }
}

/** Asks once, in answer to something that a person did and that is worth keeping. */
export function keepFromNow() {
  try {
    if (localStorage.getItem(ASKED)) return;
    localStorage.setItem(ASKED, '1');
  } catch {
    return; // the browser stores nothing
  }
  void persistence({ ask: true });
}
