/* The bus between the threads of this process. There is a box for each pair of workers: the sender appends a batch
 * under the receiver's lock, and the receiver takes everything by swapping in an empty buffer. One wake-up serves
 * everything that came since the last one. A box holds at most BOX_BYTES; buffers larger than KEPT_BYTES are freed when
 * they are empty. */
#include <pthread.h>
#include <string.h>

#include "bus.h"

enum { BOX_BYTES = 1 << 20, FIRST_BYTES = 4096, KEPT_BYTES = 256 * 1024 };

typedef struct box {
  uint8_t *memory;
  size_t size, capacity;
  bool refused; /* the sender waits for room */
} box;

typedef struct place {
  pl_bus *bus;
  unsigned worker;
  uv_async_t wake;
  pl_bus_user user;
  pthread_mutex_t mutex; /* protects boxes and woken */
  bool woken;            /* wake was sent and not handled yet */
  box *boxes;            /* one for each sender */
  box spare;             /* only the receiver uses it */
} place;

struct pl_bus {
  unsigned workers;
  place places[];
};

/* ---- sending ----------------------------------------------------------------------------------------------------- */

static bool box_grow(box *b, size_t size) {
  size_t needed = b->size + size, capacity = b->capacity ? b->capacity : FIRST_BYTES;
  if (needed > BOX_BYTES) return false;
  if (needed <= b->capacity) return true;
  while (capacity < needed) capacity *= 2;
  uint8_t *memory = pl_realloc(b->memory, capacity);
  if (!memory) return false;
  b->memory = memory;
  b->capacity = capacity;
  return true;
}

bool pl_bus_send(pl_bus *bus, unsigned from, unsigned to, pl_view bytes) {
  place *p = &bus->places[to];
  pthread_mutex_lock(&p->mutex);
  box *b = &p->boxes[from];
  bool taken = box_grow(b, bytes.size), wake = !p->woken;
  if (taken) {
    memcpy(b->memory + b->size, bytes.data, bytes.size);
    b->size += bytes.size;
  } else {
    b->refused = true;
  }
  p->woken = true;
  pthread_mutex_unlock(&p->mutex);
  if (wake) uv_async_send(&p->wake);
  return taken;
}

/* ---- receiving --------------------------------------------------------------------------------------------------- */

static void receive_from(place *p, unsigned from) {
  pthread_mutex_lock(&p->mutex);
  box full = p->boxes[from];
  bool anything = full.size || full.refused;
  if (anything) p->boxes[from] = p->spare;
  pthread_mutex_unlock(&p->mutex);
  if (!anything) return;
  if (full.refused) uv_async_send(&p->bus->places[from].wake);
  if (full.size) p->user.received(p->user.user, from, full.memory, full.size);
  if (full.capacity > KEPT_BYTES) {
    pl_free(full.memory);
    full = (box){0};
  }
  p->spare = (box){.memory = full.memory, .capacity = full.capacity};
}

static void on_wake(uv_async_t *wake) {
  place *p = wake->data;
  pthread_mutex_lock(&p->mutex);
  p->woken = false;
  pthread_mutex_unlock(&p->mutex);
  for (unsigned from = 0; from < p->bus->workers; from++)
    if (from != p->worker) receive_from(p, from);
  p->user.turn(p->user.user);
}

/* ---- creating and freeing ---------------------------------------------------------------------------------------- */

pl_bus *pl_bus_local_new(unsigned workers) {
  pl_bus *bus = pl_alloc(sizeof *bus + workers * sizeof bus->places[0]);
  if (!bus) return NULL;
  bus->workers = workers;
  for (unsigned i = 0; i < workers; i++) {
    place *p = &bus->places[i];
    p->bus = bus;
    p->worker = i;
    pthread_mutex_init(&p->mutex, NULL);
    p->boxes = pl_alloc(workers * sizeof *p->boxes);
    if (p->boxes) continue;
    bus->workers = i + 1;
    pl_bus_free(bus);
    return NULL;
  }
  return bus;
}

void pl_bus_join(pl_bus *bus, unsigned worker, uv_loop_t *loop, const pl_bus_user *user) {
  place *p = &bus->places[worker];
  p->user = *user;
  uv_async_init(loop, &p->wake, on_wake);
  p->wake.data = p;
}

void pl_bus_leave(pl_bus *bus, unsigned worker) {
  uv_close((uv_handle_t *)&bus->places[worker].wake, NULL);
}

void pl_bus_free(pl_bus *bus) {
  for (unsigned i = 0; bus && i < bus->workers; i++) {
    place *p = &bus->places[i];
    for (unsigned j = 0; p->boxes && j < bus->workers; j++) pl_free(p->boxes[j].memory);
    pl_free(p->boxes);
    pl_free(p->spare.memory);
    pthread_mutex_destroy(&p->mutex);
  }
  pl_free(bus);
}
