/**
 * Files that are dropped or pasted while a thread is open go to its contact. Returns whether something hovers over it.
 */
import { useEffect, useState } from 'preact/hooks';
import { chosen, dropped, sendFiles } from './files.js';

const hasFiles = ({ dataTransfer }) => dataTransfer?.types.includes('Files');

/** Where nobody takes what is dropped, the browser would open it in the place of the page. */
export function keepPage() {
  const refuse = (event) => {
    if (event.defaultPrevented || !hasFiles(event)) return;
    event.preventDefault();
    event.dataTransfer.dropEffect = 'none';
  };
  for (const name of ['dragover', 'drop']) addEventListener(name, refuse);
}

/** @param {string | null} contact null: nothing can be sent to it */
export function useFileDrop(contact) {
  const [over, setOver] = useState(false);
  useEffect(() => {
    if (!contact) return undefined;
    const hover = (event) => {
      if (!hasFiles(event)) return;
      event.preventDefault();
      event.dataTransfer.dropEffect = 'copy';
      setOver(true);
    };
    const leave = (event) => !event.relatedTarget && setOver(false);
    const drop = async (event) => {
      if (!hasFiles(event)) return;
      event.preventDefault();
      setOver(false);
      await sendFiles(contact, await dropped(event.dataTransfer));
    };
    const paste = (event) => {
      const { files, types } = event.clipboardData;
      if (files.length === 0 || types.includes('text/plain')) return;
      event.preventDefault();
      sendFiles(contact, chosen(files));
    };
    const on = { dragover: hover, dragleave: leave, drop, paste };
    for (const [name, listener] of Object.entries(on)) document.addEventListener(name, listener);
    return () => {
      for (const [name, listener] of Object.entries(on)) document.removeEventListener(name, listener);
    };
  }, [contact]);
  return over;
}
