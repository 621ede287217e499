/* The links of a session: which one is sent on, and what happens when it changes. */
#include "session_internal.h"

pl_session_link *pl_session_find_link(const pl_session *s, uint32_t id) {
  for (pl_node *n = s->links.next; n != &s->links; n = n->next) {
    pl_session_link *l = PL_CONTAINER(n, pl_session_link, node);
    if (l->id == id) return l;
  }
  return NULL;
}

void pl_session_free_link(pl_session *s, pl_session_link *l) {
  if (s->current == l) s->current = NULL;
  pl_list_remove(&l->node);
  s->link_count--;
  pl_free(l->sent);
  pl_free(l);
}

static bool better(const pl_session_link *a, const pl_session_link *b) {
  if (!b) return true;
  return a->seq != b->seq ? a->seq > b->seq : a->by_smaller && !b->by_smaller;
}

/* Sends on the best confirmed link from now on; what the old one did not get through is sent again. */
int pl_session_choose_link(pl_session *s) {
  pl_session_link *best = NULL;
  for (pl_node *n = s->links.next; n != &s->links; n = n->next) {
    pl_session_link *l = PL_CONTAINER(n, pl_session_link, node);
    if (l->confirmed && better(l, best)) best = l;
  }
  if (best == s->current) return 0;
  if (best) {
    int rc = pl_session_emit(s, (pl_session_action){.type = PL_SESSION_LINKED, .link = best->id});
    if (rc) return rc;
  }
  s->current = best;
  s->probe_due = false;
  s->probed_ms = s->now_ms;
  s->take_probe_ms = PL_SESSION_PROBE_MIN_MS;
  pl_session_progress(s);
  if (!best) return 0;
  if (s->state == PL_SESSION_STATE_CLOSING) s->close_due = true;
  if (s->state == PL_SESSION_STATE_ANSWERED) { /* the answer was lost: CLOSE will come again */
    s->state = PL_SESSION_STATE_PEER_CLOSED;
    s->close_sent_ms = 0;
    s->close_due = s->failed;
  }
  for (size_t i = 0; i < PL_CONST_CHANNELS_MAX; i++) {
    pl_session_channel *c = s->channels[i];
    if (!c) continue;
    pl_session_channel_go_back(s, c);
    c->resend_counter = best->next_counter;
  }
  return 0;
}

int pl_session_link_up(pl_session *s, const pl_session_event *in) {
  if (s->link_count >= PL_SESSION_LINKS_MAX) return PL_EAGAIN;
  pl_session_link *l = pl_alloc(sizeof *l);
  if (!l) return PL_ENOMEM;
  l->id = in->link;
  l->window = in->window;
  l->opener = in->opener;
  l->by_smaller = in->opener == in->smaller;
  l->received_counter = l->acked_counter = PL_SESSION_NO_COUNTER;
  l->up_ms = s->now_ms;
  l->hello_due = in->opener;
  if (in->opener) {
    if (s->highest_seq < UINT32_MAX) s->highest_seq++;
    l->seq = s->highest_seq;
  }
  pl_list_append(&s->links, &l->node);
  s->link_count++;
  return 0;
}

int pl_session_link_down(pl_session *s, uint32_t id) {
  pl_session_link *l = pl_session_find_link(s, id);
  if (!l) return 0;
  bool was_current = s->current == l;
  pl_session_free_link(s, l);
  return was_current ? pl_session_choose_link(s) : 0;
}

int pl_session_drop_link(pl_session *s, pl_session_link *l, int reason) {
  int rc = pl_session_emit(s, (pl_session_action){.type = PL_SESSION_DROP_LINK, .link = l->id, .reason = reason});
  return rc ? rc : pl_session_link_down(s, l->id);
}

/* HELLO may be lost like any record: the opener says it again. */
static uint64_t hello_again(const pl_session_link *l) {
  return l->opener && !l->hello_came && !l->hello_due ? l->hello_ms + PL_SESSION_PROBE_MIN_MS : PL_SESSION_NO_TIME;
}

static pl_session_link *overdue(const pl_session *s, uint64_t *earliest) {
  pl_session_link *first = NULL;
  *earliest = PL_SESSION_NO_TIME;
  for (pl_node *n = s->links.next; n != &s->links; n = n->next) {
    pl_session_link *l = PL_CONTAINER(n, pl_session_link, node);
    uint64_t at = l->up_ms + ((uint64_t)PL_SESSION_CONFIRM_MS << s->patience);
    if (l->confirmed || at >= *earliest) continue;
    *earliest = at;
    first = l;
  }
  return first;
}

uint64_t pl_session_link_deadline(const pl_session *s) {
  uint64_t at;
  overdue(s, &at);
  for (pl_node *n = s->links.next; n != &s->links; n = n->next) {
    uint64_t again = hello_again(PL_CONTAINER(n, pl_session_link, node));
    if (again < at) at = again;
  }
  return at;
}

/* A link on which no HELLO comes is of no use; or it comes behind what still waits on a slow line. */
int pl_session_link_time(pl_session *s) {
  uint64_t at;
  pl_session_link *l;
  while ((l = overdue(s, &at)) && s->now_ms >= at) {
    int rc = pl_session_drop_link(s, l, PL_REASON_TIMEOUT);
    if (rc) return rc;
    pl_session_be_patient(s);
  }
  for (pl_node *n = s->links.next; n != &s->links; n = n->next) {
    l = PL_CONTAINER(n, pl_session_link, node);
    if (s->now_ms >= hello_again(l)) l->hello_due = true;
  }
  return 0;
}
