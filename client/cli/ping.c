/* `pairlink ping`: sends a small message on a channel of its own and takes the time until the first answer. That is its
 * echo, which `pairlink listen` sends, or the acknowledgement, which every program that speaks the protocol sends. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "job.h"

enum { PING_CHANNEL = 254, INTERVAL_MS = 1000, ANSWER_TIMEOUT_MS = 10000 };

typedef struct ping_job {
  job base;
  pairlink_session *session;
  const char *target;
  unsigned count, sent, answered;
  bool waiting;
  uint64_t sent_us, place;
  double least, most, sum;
} ping_job;

static void send_ping(ping_job *j) {
  uint8_t number[8] = {0};
  number[7] = (uint8_t)++j->sent;
  j->sent_us = job_now_us();
  j->waiting = true;
  j->base.tick_ms = job_now_ms() + ANSWER_TIMEOUT_MS;
  int error = pairlink_send_channel(j->session, PING_CHANNEL, number, sizeof number, &j->place);
  if (error) job_end(&j->base, ui_fail("cannot ping", error, NULL));
}

static void ping_on_answer(ping_job *j) {
  if (!j->waiting) return;
  double ms = (double)(job_now_us() - j->sent_us) / 1000;
  j->waiting = false;
  if (!j->answered || ms < j->least) j->least = ms;
  if (!j->answered || ms > j->most) j->most = ms;
  j->sum += ms;
  j->answered++;
  printf("%s answered in %.2f ms\n", job_name(&j->base, pairlink_session_peer(j->session)), ms);
  fflush(stdout);
  if (j->answered < j->count) {
    j->base.tick_ms = job_now_ms() + INTERVAL_MS;
    return;
  }
  if (j->count > 1)
    ui_note("%u of %u answered: min %.2f, mean %.2f, max %.2f ms", j->answered, j->count, j->least,
            j->sum / j->answered, j->most);
  job_end(&j->base, EXIT_OK);
}

static void ping_on_event(job *base, const pairlink_event *e) {
  ping_job *j = base->user;
  if (e->session != j->session || base->ending) return;
  switch (e->type) {
    case PAIRLINK_EVENT_LINKED:
      if (!j->sent) send_ping(j);
      break;
    case PAIRLINK_EVENT_VOLATILE:
      if (e->channel == PING_CHANNEL && e->size == 8 && ((const uint8_t *)e->data)[7] == (uint8_t)j->sent)
        ping_on_answer(j);
      break;
    case PAIRLINK_EVENT_DELIVERED:
      if (e->channel == PING_CHANNEL && e->place >= j->place) ping_on_answer(j);
      break;
    case PAIRLINK_EVENT_CLOSED:
      j->session = NULL;
      if (job_is_turned_away(e))
        job_refused(base, e, !strchr(j->target, '#') && contacts_find(&base->people, e->peer));
      else
        job_end(base, ui_fail("the other side closed", e->error ? e->error : PAIRLINK_ECLOSED, NULL));
      break;
    default:
      break;
  }
}

static void ping_on_online(job *base) {
  base->tick_ms = job_now_ms() + ANSWER_TIMEOUT_MS;
}

static void ping_on_tick(job *base) {
  ping_job *j = base->user;
  if (j->sent && !j->waiting) {
    send_ping(j);
    return;
  }
  int error = j->sent ? PAIRLINK_ETIMEDOUT : PAIRLINK_EUNAVAILABLE;
  job_end(base, ui_fail("no answer", pairlink_is_checking(base->client) ? PAIRLINK_ENETWORK : error, NULL));
}

static const struct argp_option ping_options[] = {
    {"count", 'n', "N", 0, "How many times (default: 4)", 0},
    {0},
};

static error_t ping_parse(int key, char *arg, struct argp_state *state) {
  ping_job *j = state->input;
  char *end;
  const option_place places[] = {
      {ARGP_KEY_ARG, .text = &j->target},
  };
  if (option_take(places, PL_ARRAY_LENGTH(places), key, arg, state)) return 0;
  switch (key) {
    case 'n': {
      unsigned long n = strtoul(arg, &end, 10);
      if (*arg < '0' || *arg > '9' || *end || n < 1 || n > 1000000)
        argp_error(state, "--count takes a number, not '%s'", arg);
      j->count = (unsigned)n;
      return 0;
    }
    case ARGP_KEY_END:
      if (!j->target) argp_error(state, "ping whom? Name a contact or an ID");
      return 0;
    default:
      return ARGP_ERR_UNKNOWN;
  }
}

static int ping_run(const cli *c, int argc, char **argv) {
  static const job_hooks hooks = {.on_event = ping_on_event, .on_online = ping_on_online, .on_tick = ping_on_tick};
  static ping_job only;
  ping_job *j = &only;
  pairlink_options o;
  target who;
  j->count = 4;
  command_parse(&command_ping, argc, argv, j);
  pairlink_options_init(&o);
  o.application = "ping/1";
  int code = people_find(c, j->target, &who, &o);
  if (!code) code = job_init(&j->base, c, &hooks, &o, j);
  if (code) return code;
  int error = pairlink_connect(j->base.client, who.text, &j->session);
  if (!error) return job_run(&j->base);
  pairlink_free(j->base.client);
  return ui_fail("cannot ping", error, j->target);
}

const command command_ping = {
    .name = "ping",
    .arguments = "NAME|ID",
    .summary = "measure the round trip to someone who listens",
    .completes = "CONTACT",
    .run = ping_run,
    .argp = {.options = ping_options,
             .parser = ping_parse,
             .args_doc = "NAME|ID",
             .doc = "Measures the round trip to someone who runs pairlink listen or chat, through the relay and the "
                    "encryption. They must let you in."}};
