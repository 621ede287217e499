/**
 * Says that something could not be kept. This is the one place for all commands: what nobody has caught comes here. A
 * caller with words of its own, such as a form that says it beside its field, catches the error.
 */
import { s } from '../strings/index.js';
import { say } from './spoken.js';
import { store } from './store.js';

/** @param {unknown} error of a command */
export const isUnsaved = (error) => /** @type {{code?: string} | undefined} */ (error)?.code === 'EUNSAVED';

export function watchUnsaved() {
  addEventListener('unhandledrejection', (event) => {
    if (!isUnsaved(event.reason)) return;
    event.preventDefault();
    store.set({ unsaved: true });
    say(s.unsaved);
  });
}
