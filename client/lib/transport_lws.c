#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>

#include "../core/wire/wire.h"
#include "transport_internal.h"

enum { UNSENT_MAX = 65536 }; /* docs/protocol.md, "Pacing": at most 64 KiB wait in the socket */

/* Nothing is sent before the relay's HELLO, so only closing can be due. */
static int on_writeable(pl_transport *t, struct lws *wsi) {
  if (t->state != PL_TRANSPORT_CLOSING || t->first_came) return 0;
  lws_close_reason(wsi, LWS_CLOSE_STATUS_NORMAL, NULL, 0);
  lws_set_opaque_user_data(wsi, NULL);
  t->wsi = NULL;
  pl_transport_end(t, PL_ECLOSED, "closed");
  return -1;
}

static int refuse_message(pl_transport *t, struct lws *wsi, enum lws_close_status code, int error, const char *text) {
  lws_close_reason(wsi, code, NULL, 0);
  pl_transport_set_error(t, error, text);
  return -1;
}

static int on_receive(pl_transport *t, struct lws *wsi, const uint8_t *data, size_t size) {
  if (!lws_frame_is_binary(wsi))
    return refuse_message(t, wsi, LWS_CLOSE_STATUS_UNACCEPTABLE_OPCODE, PL_EPROTOCOL, "the relay sent text");
  if (t->first_came)
    return refuse_message(t, wsi, LWS_CLOSE_STATUS_PROTOCOL_ERR, PL_EPROTOCOL,
                          "the relay sent more before it was answered");
  int error = pl_buffer_append(&t->first, data, size);
  if (error)
    return refuse_message(t, wsi, LWS_CLOSE_STATUS_MESSAGE_TOO_LARGE, error == PL_ENOMEM ? PL_ENOMEM : PL_EPROTOCOL,
                          "the relay sent a message that is too large");
  t->first_came = lws_is_final_fragment(wsi) && !lws_remaining_packet_payload(wsi);
  return 0;
}

/* The first attempt that gets this far has won; the others are dropped at the end of this turn. */
static void on_established(pl_transport_attempt *a, struct lws *wsi) {
  pl_transport *t = a->transport;
  int fd = lws_get_socket_fd(wsi), one = 1, unsent = UNSENT_MAX;
  (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  (void)setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent, sizeof unsent);
  pl_transport_stop_ticks(t);
  a->wsi = NULL;
  t->wsi = wsi;
  t->state = PL_TRANSPORT_OPEN;
  t->error = 0;
  t->certificate_bad = false; /* the bad certificate was that of another address */
  t->on.on_open(t->on.user);
}

static void on_certificate(pl_transport *t, X509_STORE_CTX *store, bool good) {
  if (good) return;
  const char *why = X509_verify_cert_error_string(X509_STORE_CTX_get_error(store));
  char text[PL_TRANSPORT_TEXT_MAX];
  snprintf(text, sizeof text, "the certificate of %s is refused: %s", t->url.host, why);
  pl_transport_set_error(t, PL_ETLS, text);
  t->certificate_bad = true;
}

/* Called while the vhost's TLS context is created. libwebsockets has given it no certificate authorities. A host that
 * is an IPv6 address must be in the certificate as an IP address. */
static void on_tls_context(const pl_transport *t, SSL_CTX *context) {
  SSL_CTX_set1_cert_store(context, pl_ca_store_x509(t->authorities));
  if (strchr(t->url.host, ':')) X509_VERIFY_PARAM_set1_ip_asc(SSL_CTX_get0_param(context), t->url.host);
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
}

static void on_gone(pl_transport_attempt *a, const struct lws *wsi) {
  pl_transport *t = a->transport;
  if (t->wsi == wsi) {
    t->wsi = NULL;
    pl_transport_end(t, t->error ? t->error : PL_ENETWORK, t->error ? NULL : "the connection was lost");
  } else if (a->wsi == wsi) {
    a->wsi = NULL;
    if (!t->error) pl_transport_connect_failed(t, NULL);
    t->attempt_failed = true;
  }
}

static int on_owned_event(pl_transport_attempt *a, struct lws *wsi, enum lws_callback_reasons reason, void *in,
                          size_t size) {
  pl_transport *t = a->transport;
  switch (reason) {
    case LWS_CALLBACK_CLIENT_ESTABLISHED:
      on_established(a, wsi);
      break;
    case LWS_CALLBACK_CLIENT_RECEIVE:
      return on_receive(t, wsi, in, size);
    case LWS_CALLBACK_CLIENT_WRITEABLE:
      return on_writeable(t, wsi);
    case LWS_CALLBACK_CLIENT_CONNECTION_ERROR:
      pl_transport_connect_failed(t, in);
      a->wsi = NULL;
      t->attempt_failed = true;
      break;
    case LWS_CALLBACK_CLIENT_CLOSED:
    case LWS_CALLBACK_WSI_DESTROY:
      on_gone(a, wsi);
      break;
    default:
      break;
  }
  return 0;
}

/* Another attempt has won, and may already be gone again. */
static int on_loser_event(pl_transport_attempt *a, const struct lws *wsi, enum lws_callback_reasons reason) {
  bool gone = reason == LWS_CALLBACK_CLIENT_CONNECTION_ERROR || reason == LWS_CALLBACK_CLIENT_CLOSED ||
              reason == LWS_CALLBACK_WSI_DESTROY;
  if (gone && a->wsi == wsi) a->wsi = NULL;
  return -1;
}

static int on_lws_event(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t size) {
  if (!wsi) return 0;
  if (reason == LWS_CALLBACK_OPENSSL_LOAD_EXTRA_CLIENT_VERIFY_CERTS) {
    /* there is no connection yet; user is the SSL_CTX */
    on_tls_context(lws_context_user(lws_get_context(wsi)), user);
    return 0;
  }
  pl_transport_attempt *a = lws_get_opaque_user_data(wsi);
  if (reason == LWS_CALLBACK_OPENSSL_PERFORM_SERVER_CERT_VERIFICATION) { /* user: the store; size: 1 if it is good */
    if (a) on_certificate(a->transport, user, size != 0);
    return 0;
  }
  if (!a) /* it was dropped: stop reading and close as soon as possible */
    return reason == LWS_CALLBACK_CLIENT_WRITEABLE || reason == LWS_CALLBACK_CLIENT_RECEIVE ||
                   reason == LWS_CALLBACK_CLIENT_ESTABLISHED
               ? -1
               : 0;
  if (a->transport->state != PL_TRANSPORT_CONNECTING && a->transport->wsi != wsi) return on_loser_event(a, wsi, reason);
  return on_owned_event(a, wsi, reason, in, size);
}

const struct lws_protocols pl_transport_protocols[2] = {
    {.name = "pairlink.v1", .callback = on_lws_event, .rx_buffer_size = PL_LWS_CHUNK},
    {.name = NULL},
};
