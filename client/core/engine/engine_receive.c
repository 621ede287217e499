/* See engine_receive.h. Two tables say who may send what: one by the state of the connection, one by that of a link. */
#include "engine_receive.h"

#include "engine_alive.h"
#include "engine_code.h"
#include "engine_connection.h"
#include "engine_data.h"
#include "engine_dial.h"
#include "engine_exchange.h"
#include "engine_link.h"
#include "engine_login.h"
#include "engine_loss.h"
#include "engine_offer.h"

/* ---- links: what the other side may send in which state ---- */

/* What is NULL may not come, and ends the link with PROTOCOL. */
typedef struct link_rule {
  int (*accept)(pl_engine *e, pl_engine_link *l, pl_view payload); /* returns 0, or the reason to end the link */
  void (*data)(pl_engine *e, pl_engine_link *l, const pl_envelope *v, uint8_t *plain);
  void (*reset)(pl_engine *e, pl_engine_link *l, int reason);
} link_rule;

static const link_rule session_links[] = {
    [PL_ENGINE_LINK_OPENING] = {pl_engine_dial_accepted, NULL, pl_engine_loss_of_call},
    [PL_ENGINE_LINK_OFFERED] = {NULL, NULL, pl_engine_loss_of_offer},
    [PL_ENGINE_LINK_ACCEPTED] = {NULL, pl_engine_data_first, pl_engine_loss_of_offer},
    [PL_ENGINE_LINK_UP] = {NULL, pl_engine_data_came, pl_engine_loss_of_link},
};

/* Links of codes are never ACCEPTED: the exchange has no record of its own that would confirm them. */
static const link_rule code_links[] = {
    [PL_ENGINE_LINK_OPENING] = {pl_engine_code_accepted, NULL, pl_engine_code_reset_came},
    [PL_ENGINE_LINK_OFFERED] = {NULL, NULL, pl_engine_code_reset_came},
    [PL_ENGINE_LINK_ACCEPTED] = {NULL, NULL, pl_engine_code_reset_came},
    [PL_ENGINE_LINK_UP] = {NULL, pl_engine_code_data_came, pl_engine_code_reset_came},
};

static int receive_reset_reason(pl_view payload) {
  pl_wire_reset r;
  return pl_wire_reset_decode(&r, payload.data, payload.size) ? PL_REASON_PROTOCOL : r.reason;
}

static void receive_on_link(pl_engine *e, const pl_envelope *v, uint8_t *plain) {
  pl_engine_link *l = pl_engine_link_find(e, v->link);
  if (!l) return; /* of a link that is over */
  const link_rule *rule = l->is_code ? &code_links[l->state] : &session_links[l->state];
  int reason = 0;
  if (v->type == PL_ENV_DATA && rule->data)
    rule->data(e, l, v, plain);
  else if (v->type == PL_ENV_RESET && rule->reset)
    rule->reset(e, l, receive_reset_reason(v->payload));
  else
    reason = v->type == PL_ENV_ACCEPT && rule->accept ? rule->accept(e, l, v->payload) : PL_REASON_PROTOCOL;
  if (reason) pl_engine_link_end(e, l, reason);
}

/* ---- the connection: what the relay may send in which state ---- */

enum {
  AT_HELLO = 1 << PL_ENGINE_CONN_HELLO,
  AT_LOGIN = 1 << PL_ENGINE_CONN_LOGIN,
  ONLINE = 1 << PL_ENGINE_CONN_ONLINE,
  ANY = AT_HELLO | AT_LOGIN | ONLINE
};

static int receive_pong(pl_engine *e, pl_view payload) {
  (void)e;
  (void)payload;
  return 0; /* all that counts is that something came */
}

/* In other states the envelope ends the connection with PROTOCOL, as does an envelope that is not here. Handlers return
 * 0, or the reason to end the connection. */
typedef struct envelope_rule {
  uint8_t states;
  int (*connection)(pl_engine *e, pl_view payload); /* about the connection */
  int (*new_link)(pl_engine *e, uint32_t number, pl_view payload);
  bool on_link; /* about a link that is there: see above. RESET names link 0 when it is about the connection */
} envelope_rule;

static const envelope_rule envelope_rules[] = {
    [PL_ENV_HELLO] = {.states = AT_HELLO, .connection = pl_engine_login_hello},
    [PL_ENV_WELCOME] = {.states = AT_LOGIN, .connection = pl_engine_login_welcome},
    [PL_ENV_GOING_AWAY] = {.states = ONLINE, .connection = pl_engine_connection_going_away},
    [PL_ENV_PONG] = {.states = ONLINE, .connection = receive_pong},
    [PL_ENV_CODE] = {.states = ONLINE, .connection = pl_engine_code_answer_came},
    [PL_ENV_OFFER] = {.states = ONLINE, .new_link = pl_engine_offer_came},
    [PL_ENV_CLAIM] = {.states = ONLINE, .new_link = pl_engine_code_claim_came},
    [PL_ENV_ACCEPT] = {.states = ONLINE, .on_link = true},
    [PL_ENV_DATA] = {.states = ONLINE, .on_link = true},
    [PL_ENV_RESET] = {.states = ANY, .on_link = true, .connection = pl_engine_connection_reset},
};

/* Returns 0, or the reason to end the connection. */
static int receive_envelope(pl_engine *e, const pl_envelope *v, uint8_t *plain) {
  static const envelope_rule none = {.states = 0};
  const envelope_rule *rule = v->type < PL_ARRAY_LENGTH(envelope_rules) ? &envelope_rules[v->type] : &none;
  int max = pl_envelope_max(v->type);
  if (max < 0 && v->type >= PL_CONST_ENVELOPE_SKIPPABLE) return 0;
  if (max >= 0 && v->payload.size > (size_t)max) return PL_REASON_PROTOCOL;
  if (!(rule->states & 1u << e->connection))
    return max < 0 && e->connection == PL_ENGINE_CONN_ONLINE ? PL_REASON_UNSUPPORTED : PL_REASON_PROTOCOL;
  if (rule->new_link) return rule->new_link(e, v->link, v->payload);
  if (!rule->on_link || (v->link == 0 && rule->connection)) return rule->connection(e, v->payload);
  receive_on_link(e, v, plain);
  return 0;
}

/* ---- messages ---- */

static bool receive_has_socket(const pl_engine *e) {
  return e->connection >= PL_ENGINE_CONN_HELLO;
}

static int receive_room(pl_engine *e, size_t size) {
  if (size <= e->plain_capacity) return 0;
  uint8_t *plain = pl_realloc(e->plain, size);
  if (!plain) return PL_ENOMEM;
  e->plain = plain;
  e->plain_capacity = size;
  return 0;
}

int pl_engine_receive(pl_engine *e, pl_view message) {
  if (!receive_has_socket(e)) return 0;
  if (message.size > PL_LIMIT_HIGHEST_MESSAGE_MAX) {
    pl_engine_connection_fail(e, PL_EPROTOCOL, PL_REASON_PROTOCOL);
    return 0;
  }
  if (receive_room(e, message.size)) {
    pl_engine_connection_fail(e, PL_ENOMEM, PL_REASON_OVERFLOW); /* nothing is lost: the sessions resume afterwards */
    return PL_ENOMEM;
  }
  pl_engine_alive_heard(e);
  pl_reader r = pl_reader_of(message.data, message.size);
  pl_envelope v;
  int rc;
  while ((rc = pl_envelope_next(&r, &v)) > 0 && receive_has_socket(e)) {
    int reason = receive_envelope(e, &v, e->plain + (v.payload.data - message.data));
    if (reason) pl_engine_connection_fail(e, PL_EPROTOCOL, reason);
  }
  if (rc < 0 && receive_has_socket(e)) pl_engine_connection_fail(e, PL_EPROTOCOL, PL_REASON_PROTOCOL);
  return 0;
}
