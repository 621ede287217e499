/* Memory of messages that are put together from several frames. */
#include "session_internal.h"

void pl_pieces_release(pl_pieces *p) {
  while (p->finished) {
    pl_piece *piece = p->finished;
    p->finished = piece->next;
    if (!p->spare || p->spare->capacity < piece->capacity) {
      pl_free(p->spare);
      p->spare = piece;
    } else {
      pl_free(piece);
    }
  }
}

void pl_pieces_deinit(pl_pieces *p) {
  pl_pieces_release(p);
  pl_free(p->spare);
  p->spare = NULL;
}
