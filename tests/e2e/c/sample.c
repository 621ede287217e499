/* Sends a text to a peer and prints the answer. Usage: sample RELAY ID TEXT */
#include <pairlink.h>
#include <stdio.h>
#include <string.h>

static uint64_t end; /* the place where our text ends */
static int answered, delivered;

static void on_event(pairlink *p, const pairlink_event *e, void *user) {
  (void)user;
  if (e->type == PAIRLINK_EVENT_MESSAGE) fwrite(e->data, 1, e->size, stdout);
  if (e->type == PAIRLINK_EVENT_END) answered = 1;
  if (e->type == PAIRLINK_EVENT_DELIVERED && e->place >= end) delivered = 1;
  if (e->type == PAIRLINK_EVENT_CLOSED)
    pairlink_stop(p);
  else if (answered && delivered)
    pairlink_close(e->session, 0, NULL);
}

int main(int argc, char **argv) {
  pairlink_options options;
  pairlink *client;
  pairlink_session *peer;
  if (argc != 4) return 2;
  pairlink_options_init(&options);
  options.relay = argv[1];
  options.callback = on_event;
  int error = pairlink_new(&options, &client);
  if (!error) error = pairlink_connect(client, argv[2], &peer);
  if (!error) error = pairlink_send(peer, argv[3], strlen(argv[3]));
  if (!error) error = pairlink_finish(peer, 0, &end);
  if (!error) error = pairlink_run(client);
  if (error) fprintf(stderr, "%s: %s\n", pairlink_error_text(error), pairlink_error_hint(error));
  pairlink_free(client);
  return error != 0;
}
