/** Events with names and types. @template {Record<string, any>} Events */
export class Emitter {
  constructor() {
    /** @private @type {Map<keyof Events, Set<(event: any) => void>>} */
    this.listeners = new Map()
  }
  /** Calls `fn` at each such event; what is returned ends that.
   * @template {keyof Events} K
   * @param {K} name @param {(event: Events[K]) => void} fn
   * @returns {() => void} */
  on(name, fn) {
    let set = this.listeners.get(name)
    if (!set) this.listeners.set(name, (set = new Set()))
    set.add(fn)
    return () => {
      set.delete(fn)
    }
  }
  /** @param {keyof Events} name */
  hasListener(name) {
    return (this.listeners.get(name)?.size ?? 0) > 0
  }
  /** A handler that throws harms nobody else; its error is reported as uncaught.
   * @template {keyof Events} K
   * @param {K} name @param {Events[K]} event
   * @protected */
  emit(name, event) {
    for (const fn of [...(this.listeners.get(name) ?? [])]) {
      try {
        fn(event)
      } catch (error) {
        queueMicrotask(() => {
          throw error
        })
      }
    }
  }
  /** @protected */
  clearListeners() {
    this.listeners.clear()
  }
}
