/**
 * The upper bound of a relay's resident memory in bytes: the formula of docs/capacity.md, which
 * tests/bench/memory.test.js checks. `blocked` counts sockets whose output the network does not take, `parts` those in
 * the middle of an envelope. `queued` is at most QUEUE_TOTAL_MAX, over all workers.
 */
export const MEMORY = {
  process: 12 << 20, // program, libraries, SQLite's cache, tables of rates and pairs, before the first socket
  kept: 32 << 20, // freed memory that the allocator may keep (M_TRIM_THRESHOLD)
  worker: (4096 * 1024 + 64 * 140 * 1024) | 0, // free output buffers (PL_RELAY_OUT_…_KEPT)
  socket: 1280,
  elsewhere: 256, // what each other worker keeps of a socket
  tls_socket: 18 * 1024,
  link: 1024, // both halves, their slots and the first chunk of a queue
  nameplate: 256, // one pairing code with its owner's entry, at each worker
  peer: 16, // an entry of an allow or block list, with the table's room to grow
  blocked: 144 * 1024, // an output buffer (PL_RELAY_OUT_LARGE): queued, but not freed for QUEUE_TOTAL_MAX
  tls_blocked: 132 * 1024, // in addition: records that were sealed together and not taken
  part: 64 * 1024, // the received part of an envelope
  overhead: 1.25, // factor for the allocator's overhead
};

export const QUEUE_TOTAL_MAX = 256 << 20;

export function memoryBound({
  sockets = 0,
  tls = false,
  links = 0,
  queued = 0,
  blocked = 0,
  parts = 0,
  peers = 0,
  nameplates = 0,
  workers = 1,
}) {
  const m = MEMORY;
  const waiting = queued + blocked * (m.blocked + (tls ? m.tls_blocked : 0)) + parts * m.part;
  const allocated =
    sockets * ((tls ? m.tls_socket : m.socket) + (workers - 1) * m.elsewhere) +
    links * m.link +
    peers * m.peer +
    nameplates * workers * m.nameplate +
    waiting;
  return m.process + m.kept + workers * m.worker + m.overhead * allocated;
}
