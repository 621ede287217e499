#include "client_relay.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "known_relays.h"

/* Returns PL_ERELAYKEY when another ID is known already. `from` says in the log where this one comes from. */
static int relay_set_id(pairlink *p, const uint8_t id[32], const char *from) {
  if (p->relay_known && memcmp(p->relay_bytes, id, 32) != 0) {
    pl_client_log(p, PAIRLINK_LOG_ERROR, "the relay %s has a different ID than %s says", p->url.origin, from);
    return PL_ERELAYKEY;
  }
  memcpy(p->relay_bytes, id, 32);
  pl_id_format(p->relay_id, id);
  p->relay_known = true;
  return 0;
}

static int relay_parse_address(pairlink *p, const char *relay) {
  pl_invite_link link;
  if (!strchr(relay, '#')) return pl_url_parse(&p->url, relay);
  int error = pl_invite_link_parse(&link, relay);
  if (error) return error;
  p->url = link.url;
  error = relay_set_id(p, link.relay, "the invite link");
  sodium_memzero(&link, sizeof link);
  return error;
}

/* The text is an ID, or an invite link that contains it. */
static int relay_parse_expected(pairlink *p, const char *text) {
  uint8_t id[32];
  pl_invite_link link;
  int error;
  if (!strchr(text, '#')) {
    error = pl_id_parse(id, text, strlen(text));
    return error ? error : relay_set_id(p, id, "the program");
  }
  error = pl_invite_link_parse(&link, text);
  if (!error) error = relay_set_id(p, link.relay, "the invite link");
  sodium_memzero(&link, sizeof link);
  return error;
}

int pl_client_find_relay(pairlink *p, const pairlink_options *o) {
  uint8_t id[32];
  char why[PL_WHY_MAX] = "";
  int error = relay_parse_address(p, o->relay);
  if (error) return error;
  pl_url_format(&p->url, p->url_text, sizeof p->url_text);
  if (o->relay_id) {
    error = relay_parse_expected(p, o->relay_id);
    if (error) return error;
  }
  p->relays_file = pl_path_of(o->relays_file, "XDG_STATE_HOME", ".local/state", "known_relays", why);
  if (!p->relays_file) {
    error = pl_path_error(PL_EIO); /* before the log callback can change errno */
    pl_client_log(p, PAIRLINK_LOG_ERROR, "%s", why);
    return error;
  }
  int found = pl_relays_find(p->relays_file, p->url.origin, id, why);
  if (found < 0) {
    pl_client_log(p, PAIRLINK_LOG_ERROR, "%s", why);
    return found;
  }
  p->relay_pinned = found == 1;
  return found ? relay_set_id(p, id, p->relays_file) : 0;
}

int pl_client_pin_relay(pairlink *p) {
  char why[PL_WHY_MAX] = "";
  if (p->relay_pinned) return 0;
  int error = pl_relays_add(p->relays_file, p->url.origin, p->relay_bytes, why);
  if (error == PL_ERELAYKEY) return error;
  if (error) pl_client_log(p, PAIRLINK_LOG_WARNING, "the relay's ID cannot be saved: %s", why);
  p->relay_pinned = true;
  return 0;
}

int pairlink_relay_forget(const char *relay, const char *relays_file) {
  pl_url url;
  int error = pl_url_parse(&url, relay);
  if (error) return error;
  char *path = pl_path_of(relays_file, "XDG_STATE_HOME", ".local/state", "known_relays", NULL);
  if (!path) return pl_path_error(PL_EIO);
  int result = pl_relays_forget(path, url.origin, NULL);
  free(path);
  return result;
}
