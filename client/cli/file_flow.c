#include "file_flow.h"

/* A period lasts until PERIOD_LIMITS times the limit has arrived. The first of these is not measured, because the
 * previous limit may still affect it. */
enum { PERIOD_LIMITS = 4, PERIOD_LEAST_US = 50000, REST_FIRST = 4, REST_MOST = 64 };

static void new_period(file_flow *f) {
  f->period_us = 0;
  f->period_from = f->delivered + f->limit;
  f->was_full = false;
}

void file_flow_new_connection(file_flow *f) {
  f->lost += f->under_way;
  f->limit = f->start;
  f->latency_us = UINT64_MAX;
  f->trying = false;
  f->rest = 0;
  f->rest_next = REST_FIRST;
  new_period(f);
}

void file_flow_init(file_flow *f, uint64_t bytes) {
  uint64_t part = bytes / FILE_FLOW_PART;
  *f = (file_flow){.whole = bytes,
                   .start = part < FILE_FLOW_LEAST  ? FILE_FLOW_LEAST
                            : part < FILE_FLOW_MOST ? part
                                                    : FILE_FLOW_MOST};
  file_flow_new_connection(f);
}

bool file_flow_may_send(file_flow *f) {
  if (f->under_way < f->limit) return true;
  f->was_full = true;
  return false;
}

void file_flow_sent(file_flow *f, uint64_t bytes) {
  f->under_way += bytes;
}

/* Returns true when a lost connection would cost too much with this limit. */
static bool is_expensive(const file_flow *f, uint64_t limit) {
  return f->lost + limit > f->whole / FILE_FLOW_CHEAP_PART;
}

/* Returns true when twice the limit may be tried. If that is expensive, only when a whole limit arrives about as fast
 * as the fastest piece did: then nothing queues up, so distance or storing in batches is what takes the time. */
static bool may_try(const file_flow *f) {
  if (!f->was_full || f->limit > FILE_FLOW_MOST / 2) return false;
  return !is_expensive(f, 2 * f->limit) || (double)f->limit * 1e6 < 2.0 * (double)f->latency_us * (double)f->rate;
}

/* Adjusts the limit by the rate of the period that is over. */
static void judge_period(file_flow *f, uint64_t rate) {
  bool faster = rate > f->rate + f->rate / (is_expensive(f, f->limit) ? 3 : 8);
  if (f->trying && !faster) {
    f->limit /= 2;
    f->rest = f->rest_next;
    f->rest_next = f->rest_next < REST_MOST / 2 ? f->rest_next * 2 : REST_MOST;
  }
  if (!f->trying || faster) f->rate = rate;
  f->trying = false;
  if (f->rest) {
    f->rest--;
  } else if (may_try(f)) {
    f->trying = true;
    f->limit *= 2;
  }
}

void file_flow_arrived(file_flow *f, uint64_t bytes, uint64_t sent_us, uint64_t now_us) {
  if (now_us - sent_us < f->latency_us) f->latency_us = now_us - sent_us;
  f->under_way -= bytes < f->under_way ? bytes : f->under_way;
  f->delivered += bytes;
  if (f->delivered < f->period_from) return;
  if (!f->period_us) {
    f->period_us = now_us;
    f->period_from = f->delivered;
    return;
  }
  uint64_t passed = now_us - f->period_us, much = f->delivered - f->period_from;
  if (passed < PERIOD_LEAST_US || much < (PERIOD_LIMITS - 1) * f->limit) return;
  judge_period(f, (uint64_t)((double)much * 1e6 / (double)passed));
  new_period(f);
}

void file_flow_lost(file_flow *f) {
  f->lost += f->under_way;
  f->under_way = 0;
}
