#include "session_link.h"

#include "session_base.h"
#include "session_send.h"

pl_session_link *pl_session_link_find(const pl_session *s, uint32_t id) {
  for (pl_node *n = s->links.next; n != &s->links; n = n->next) {
    pl_session_link *l = PL_CONTAINER(n, pl_session_link, node);
    if (l->id == id) return l;
  }
  return NULL;
}

void pl_session_link_free(pl_session *s, pl_session_link *l) {
  if (s->current == l) s->current = NULL;
  pl_list_remove(&l->node);
  s->link_count--;
  pl_free(l->sent);
  pl_free(l);
}

static bool link_is_better(const pl_session_link *a, const pl_session_link *b) {
  if (!b) return true;
  return a->seq != b->seq ? a->seq > b->seq : a->by_smaller && !b->by_smaller;
}

int pl_session_link_choose(pl_session *s) {
  pl_session_link *best = NULL;
  for (pl_node *n = s->links.next; n != &s->links; n = n->next) {
    pl_session_link *l = PL_CONTAINER(n, pl_session_link, node);
    if (l->confirmed && link_is_better(l, best)) best = l;
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
  if (s->state == PL_SESSION_STATE_ANSWERED) { /* the answer may be lost: the peer will then say CLOSE again */
    s->state = PL_SESSION_STATE_PEER_CLOSED;
    s->close_sent_ms = 0;
    s->close_due = s->failed;
  }
  for (size_t i = 0; i < s->channel_slots; i++) {
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
  l->id = in->link_up.id;
  l->window = in->link_up.window;
  l->opener = l->hello_due = in->link_up.opener;
  l->by_smaller = in->link_up.opener == in->link_up.smaller;
  l->received_counter = PL_SESSION_NO_COUNTER;
  l->up_ms = s->now_ms;
  if (l->opener) {
    if (s->highest_seq < UINT32_MAX) s->highest_seq++;
    l->seq = s->highest_seq;
  }
  pl_list_append(&s->links, &l->node);
  s->link_count++;
  return 0;
}

int pl_session_link_down(pl_session *s, uint32_t id) {
  pl_session_link *l = pl_session_link_find(s, id);
  if (!l) return 0;
  bool was_current = s->current == l;
  pl_session_link_free(s, l);
  return was_current ? pl_session_link_choose(s) : 0;
}

int pl_session_link_drop(pl_session *s, pl_session_link *l, int reason) {
  int rc = pl_session_emit(s, (pl_session_action){.type = PL_SESSION_DROP_LINK, .link = l->id, .reason = reason});
  return rc ? rc : pl_session_link_down(s, l->id);
}

/* Returns when the opener says HELLO again: like any record, it may be lost. */
static uint64_t link_hello_again_ms(const pl_session_link *l) {
  return l->opener && !l->hello_came && !l->hello_due ? l->hello_ms + PL_SESSION_PROBE_MIN_MS : PL_NEVER;
}

/* Returns the link that has waited longest for HELLO, or NULL, and the time until which it may wait. */
static pl_session_link *link_overdue(const pl_session *s, uint64_t *earliest) {
  pl_session_link *first = NULL;
  *earliest = PL_NEVER;
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
  link_overdue(s, &at);
  for (pl_node *n = s->links.next; n != &s->links; n = n->next) {
    uint64_t again = link_hello_again_ms(PL_CONTAINER(n, pl_session_link, node));
    if (again < at) at = again;
  }
  return at;
}

/* Drops links on which no HELLO came. It may only be late, behind other data on a slow line: so the next link is
 * given longer. */
int pl_session_link_time(pl_session *s) {
  uint64_t at;
  pl_session_link *l;
  while ((l = link_overdue(s, &at)) && s->now_ms >= at) {
    int rc = pl_session_link_drop(s, l, PL_REASON_TIMEOUT);
    if (rc) return rc;
    pl_session_be_patient(s);
  }
  for (pl_node *n = s->links.next; n != &s->links; n = n->next) {
    l = PL_CONTAINER(n, pl_session_link, node);
    if (s->now_ms >= link_hello_again_ms(l)) l->hello_due = true;
  }
  return 0;
}
