#include <stdio.h>
#include <string.h>

#include "transport_internal.h"

void pl_transport_connect_failed(pl_transport *t, const char *lws_text) {
  char text[PL_TRANSPORT_TEXT_MAX];
  if (t->certificate_bad || t->error == PL_ETLS) return; /* on_certificate gave a better reason */
  if (lws_text && strncmp(lws_text, "HS:", 3) == 0)
    snprintf(text, sizeof text, "%s answers, but not as a Pairlink relay", t->url.authority);
  else if (lws_text && (strstr(lws_text, "SSL") || strstr(lws_text, "SYSCALL")))
    snprintf(text, sizeof text, "%s does not speak TLS, or ended the connection", t->url.authority);
  else if (lws_text && strstr(lws_text, "proxy"))
    snprintf(text, sizeof text, "the proxy %s does not connect to %s", t->proxy.host, t->url.authority);
  else if (lws_text && strstr(lws_text, "imeout"))
    snprintf(text, sizeof text, "no answer from %s in time", t->url.authority);
  else
    snprintf(text, sizeof text, "nothing answers at %s", t->proxied ? t->proxy.host : t->url.authority);
  pl_transport_set_error(t, PL_ENETWORK, text);
}

static int attempt_start(pl_transport_attempt *a, const char *address) {
  pl_transport *t = a->transport;
  struct lws_client_connect_info info;
  char via[PL_HOST_MAX + 120], target[PL_HOST_MAX + 2];
  bool v6 = strchr(t->url.host, ':') != NULL;
  memset(&info, 0, sizeof info);
  if (t->proxied) {
    bool proxy6 = strchr(address, ':') != NULL;
    snprintf(via, sizeof via, "%s%s%s%s%s:%u", t->proxy.credentials, *t->proxy.credentials ? "@" : "",
             proxy6 ? "[" : "", address, proxy6 ? "]" : "", t->proxy.port);
    if (lws_set_proxy(t->lws.vhost, via) != 0) return PL_EURL;
    snprintf(target, sizeof target, "%s%s%s", v6 ? "[" : "", t->url.host, v6 ? "]" : "");
    address = target;
  }
  info.context = t->lws.context;
  info.vhost = t->lws.vhost;
  info.address = address;
  info.port = t->url.port;
  info.host = t->url.authority; /* also what the certificate is checked against, without the port */
  info.path = t->url.path;
  info.protocol = t->lws.protocols[0].name;
  info.ietf_version_or_minus_one = -1;
  info.alpn = "http/1.1";
  info.ssl_connection = LCCSCF_HTTP_NO_FOLLOW_REDIRECT;
  if (t->url.tls) info.ssl_connection |= LCCSCF_USE_SSL;
  /* libwebsockets cuts the host at its first colon, so on_tls_context makes OpenSSL check an IPv6 address instead. */
  if (t->url.tls && v6) info.ssl_connection |= LCCSCF_SKIP_SERVER_CERT_HOSTNAME_CHECK;
  info.opaque_user_data = a;
  info.pwsi = &a->wsi;
  if (!lws_client_connect_via_info(&info)) {
    a->wsi = NULL;
    return PL_ENETWORK;
  }
  return 0;
}

static bool any_is_connecting(const pl_transport *t) {
  for (size_t i = 0; i < t->race.started; i++)
    if (t->attempts[i].wsi) return true;
  return false;
}

static bool any_is_connected(const pl_transport *t) {
  for (size_t i = 0; i < t->race.started; i++) {
    struct sockaddr_storage peer;
    socklen_t size = sizeof peer;
    struct lws *wsi = t->attempts[i].wsi;
    if (wsi && getpeername(lws_get_socket_fd(wsi), (struct sockaddr *)&peer, &size) == 0) return true;
  }
  return false;
}

/* An attempt that fails immediately is followed by the one after it. */
void pl_transport_start_next(pl_transport *t) {
  bool failed = t->attempt_failed;
  size_t i;
  while (pl_race_next(&t->race, &i)) {
    t->attempts[i].transport = t;
    if (attempt_start(&t->attempts[i], t->addresses.text[i]) == 0) return;
    t->attempt_failed = failed; /* this failure is handled right here */
    pl_transport_connect_failed(t, NULL);
  }
  if (!any_is_connecting(t)) pl_transport_end(t, t->error, NULL);
}

static void on_race_tick(pl_transport *t) {
  bool due = pl_race_tick(&t->race, any_is_connected(t));
  if (pl_race_is_over(&t->race)) {
    pl_transport_stop_ticks(t);
    pl_transport_drop_attempts(t);
    pl_transport_connect_failed(t, "timeout");
    pl_transport_end(t, t->error, NULL);
  } else if (due) {
    pl_transport_start_next(t);
  }
}

static void on_resolved(void *user, int error, const char *text, const pl_addresses *addresses) {
  pl_transport *t = user;
  t->resolve = NULL;
  if (error) {
    pl_transport_end(t, error, text);
    return;
  }
  t->addresses = *addresses;
  t->state = PL_TRANSPORT_CONNECTING;
  pl_race_begin(&t->race, addresses->count);
  pl_transport_start_ticks(t, PL_RACE_TICK_MS, on_race_tick);
  pl_transport_start_next(t);
}

/* Gets the certificate authorities that are valid now; often they are those of the last connection. A context that is
 * left of an attempt that failed would continue to use others. */
static bool start_authorities(pl_transport *t) {
  if (!t->url.tls) return true;
  pl_ca_store *now = pl_ca_store_get(t->ca_file);
  if (now != t->authorities) pl_transport_close_loop(t);
  pl_ca_store_release(t->authorities);
  t->authorities = now;
  return now;
}

void pl_transport_start(pl_transport *t, const pl_url *url) {
  pl_transport_drop(t);
  pl_transport_reset(t);
  t->error = 0;
  if (!url) {
    pl_transport_end(t, PL_EURL, "the relay named another address that is not valid");
    return;
  }
  t->url = *url;
  t->state = PL_TRANSPORT_RESOLVING;
  int use = t->use_proxy ? pl_proxy_for(&t->url, pl_proxy_environment, &t->proxy) : 0;
  t->proxied = use == 1;
  if (use < 0) {
    pl_transport_end(t, PL_ENETWORK,
                     "the proxy in the environment is not an HTTP proxy; correct https_proxy or http_proxy");
    return;
  }
  if (!start_authorities(t)) {
    pl_transport_end(t, PL_ENOMEM, "out of memory");
    return;
  }
  if (pl_transport_open_loop(t) != 0 || pl_lws_open(&t->lws, t->loop, t, t->url.tls) != 0) {
    pl_transport_end(t, PL_ESYSTEM,
                     "libwebsockets cannot start (is its libuv plugin, libwebsockets-evlib-uv, installed? "
                     "is the limit of open files reached?)");
    return;
  }
  const char *host = t->proxied ? t->proxy.host : t->url.host;
  int error = pl_resolve_start(t->loop, host, on_resolved, t, &t->resolve);
  if (error) pl_transport_end(t, error, "cannot start the name lookup");
}
