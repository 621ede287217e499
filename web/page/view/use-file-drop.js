/** Takes files that are dropped or pasted: for the contact of the open thread, or for whoever pairs next. */
import { useEffect, useState } from 'preact/hooks';
import { chosen, dropped, sendFiles } from './files.js';
import { wait } from './waiting-files.js';

/** @param {DragEvent} event @returns {event is DragEvent & {dataTransfer: DataTransfer}} */
const hasFiles = (event) => event.dataTransfer?.types.includes('Files') ?? false;

/** Refuses files that are dropped elsewhere; the browser would open them in place of the page. */
export function keepPage() {
  /** @param {DragEvent} event */
  const refuse = (event) => {
    if (event.defaultPrevented || !hasFiles(event)) return;
    event.preventDefault();
    event.dataTransfer.dropEffect = 'none';
  };
  addEventListener('dragover', refuse);
  addEventListener('drop', refuse);
}

/**
 * Returns whether files hover over the page.
 * @param {string | null} contact null: no files can be sent; '': they wait for the person who pairs next
 */
export function useFileDrop(contact) {
  const [over, setOver] = useState(false);
  useEffect(() => {
    if (contact === null) return undefined;
    /** @param {import('./files.js').Chosen[]} list */
    const take = (list) => (contact ? sendFiles(contact, list) : wait(list));
    /** @param {DragEvent} event */
    const hover = (event) => {
      if (!hasFiles(event)) return;
      event.preventDefault();
      event.dataTransfer.dropEffect = 'copy';
      setOver(true);
    };
    /** @param {DragEvent} event */
    const leave = (event) => {
      if (!event.relatedTarget) setOver(false);
    };
    /** @param {DragEvent} event */
    const drop = async (event) => {
      if (!hasFiles(event)) return;
      event.preventDefault();
      setOver(false);
      await take(await dropped(event.dataTransfer));
    };
    /** @param {ClipboardEvent} event */
    const paste = (event) => {
      const data = event.clipboardData;
      if (!data || data.files.length === 0 || data.types.includes('text/plain')) return;
      event.preventDefault();
      void take(chosen(data.files));
    };
    const until = new AbortController();
    const { signal } = until;
    document.addEventListener('dragover', hover, { signal });
    document.addEventListener('dragleave', leave, { signal });
    document.addEventListener('drop', drop, { signal });
    document.addEventListener('paste', paste, { signal });
    return () => until.abort();
  }, [contact]);
  return over;
}
