/* Memory of messages that are assembled from several frames. */
#include "session.h"

void pl_session_pieces_release(pl_session_pieces *p) {
  while (p->finished) {
    pl_session_piece *piece = p->finished;
    p->finished = piece->next;
    if (!p->spare || p->spare->capacity < piece->capacity) {
      pl_free(p->spare);
      p->spare = piece;
    } else {
      pl_free(piece);
    }
  }
}

void pl_session_pieces_deinit(pl_session_pieces *p) {
  pl_session_pieces_release(p);
  pl_free(p->spare);
  p->spare = NULL;
}
