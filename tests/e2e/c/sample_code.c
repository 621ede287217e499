/* Pairs two programs by a code. Usage: sample_code RELAY creates a code, sample_code RELAY CODE uses it. */
#include <pairlink.h>
#include <stdio.h>

static int failed;

static void on_event(pairlink *p, const pairlink_event *e, void *user) {
  (void)user;
  if (e->type == PAIRLINK_EVENT_CODE) printf("tell the other person: %s\n", e->text);
  if (e->type == PAIRLINK_EVENT_CODE_BUSY) printf("someone else is trying the code\n");
  if (e->type == PAIRLINK_EVENT_PAIRED) {
    char phrase[PAIRLINK_PHRASE_MAX];
    if (pairlink_safety_phrase(pairlink_id(p), e->peer, phrase, sizeof phrase) == 0)
      printf("paired with %s: %s\n", e->peer, phrase);
    /* The side that created the code has the session now; the other side gets it in a SESSION event. */
    if (e->session && pairlink_send(e->session, "hello\n", 6) == 0) pairlink_finish(e->session, 0, NULL);
  }
  if (e->type == PAIRLINK_EVENT_MESSAGE) fwrite(e->data, 1, e->size, stdout);
  if (e->type == PAIRLINK_EVENT_END) pairlink_close(e->session, 0, NULL);
  if (e->type == PAIRLINK_EVENT_CODE_ENDED) {
    fprintf(stderr, "%s: %s\n", pairlink_error_text(e->error), pairlink_error_hint(e->error));
    failed = 1;
  }
  if (e->type == PAIRLINK_EVENT_CODE_ENDED || e->type == PAIRLINK_EVENT_CLOSED) pairlink_stop(p);
  fflush(stdout);
}

int main(int argc, char **argv) {
  pairlink_options options;
  pairlink *client;
  unsigned code;
  if (argc < 2) return 2;
  pairlink_options_init(&options);
  options.relay = argv[1];
  options.callback = on_event;
  int error = pairlink_new(&options, &client);
  if (!error) error = argc == 2 ? pairlink_code_new(client, 0, &code) : pairlink_code_claim(client, argv[2], &code);
  if (!error) error = pairlink_run(client);
  if (error) fprintf(stderr, "%s: %s\n", pairlink_error_text(error), pairlink_error_hint(error));
  pairlink_free(client);
  return error || failed;
}
