/** Events with names and types. */
import { checkFunction, checkText } from './core/check.js';
import { PairlinkError } from './core/errors.js';

/** @template {Record<string, any>} Events */
export class Emitter {
  /** @param {ReadonlySet<keyof Events>} names all events there are */
  constructor(names) {
    /** @private */
    this.names = names;
    /** @private @type {Map<keyof Events, Set<(event: any) => void>>} */
    this.listeners = new Map();
  }
  /** Calls `fn` at each event of this name. Throws EINVAL when there is no such event.
   * @template {keyof Events} K
   * @param {K} name @param {(event: Events[K]) => void} fn
   * @returns {() => void} removes the listener */
  on(name, fn) {
    if (!this.names.has(checkText(name, 'an event')))
      throw new PairlinkError('EINVAL', `there is no event ${String(name)}`);
    checkFunction(fn, 'a listener');
    let set = this.listeners.get(name);
    if (!set) this.listeners.set(name, (set = new Set()));
    set.add(fn);
    return () => {
      set.delete(fn);
    };
  }
  /** @param {keyof Events} name */
  hasListener(name) {
    return (this.listeners.get(name)?.size ?? 0) > 0;
  }
  /** Calls all listeners of an event. When one throws, the others are called all the same and its error is reported as
   * uncaught.
   * @template {keyof Events} K
   * @param {K} name @param {Events[K]} event
   * @protected */
  emit(name, event) {
    for (const fn of [...(this.listeners.get(name) ?? [])]) {
      try {
        fn(event);
      } catch (error) {
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }
  /** @protected */
  clearListeners() {
    this.listeners.clear();
  }
}
