/** A test double of engine/db.js, in memory: what a conversation uses of it. */
export class MemoryDb {
  list = [];
  async addMessage(message) {
    if (this.list.some((one) => one.contact === message.contact && one.mine === message.mine && one.id === message.id)) return null;
    const kept = { ...message, n: this.list.length + 1 };
    this.list.push(kept);
    return kept;
  }
  async changeMessage(n, change) {
    const at = this.list.findIndex((one) => one.n === n);
    if (at < 0) return null;
    this.list[at] = change(this.list[at]);
    return this.list[at];
  }
  async pending(contact) {
    return this.list.filter((one) => one.pending === contact);
  }
}
