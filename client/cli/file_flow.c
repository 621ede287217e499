#include "file_flow.h"

enum { WHILE_LATENCIES = 4, WHILE_LEAST_US = 200000 };

uint64_t file_flow_limit(const file_flow *f) {
  uint64_t holds = (uint64_t)((double)f->rate * (double)f->latency_us / 1e6);
  return holds + holds / 4 > FILE_FLOW_LEAST ? holds + holds / 4 : FILE_FLOW_LEAST;
}

bool file_flow_may_send(const file_flow *f) {
  return f->under_way < file_flow_limit(f);
}

file_flow_mark file_flow_sent(file_flow *f, uint64_t bytes, uint64_t now_us) {
  f->under_way += bytes;
  if (!f->while_us) f->while_us = now_us;
  return (file_flow_mark){bytes, now_us};
}

void file_flow_arrived(file_flow *f, const file_flow_mark *mark, uint64_t now_us) {
  uint64_t latency = now_us > mark->sent_us ? now_us - mark->sent_us : 1;
  f->under_way -= mark->bytes < f->under_way ? mark->bytes : f->under_way;
  f->delivered += mark->bytes;
  if (!f->latency_us || latency < f->latency_us) f->latency_us = latency;
  uint64_t passed = now_us - f->while_us, least = WHILE_LATENCIES * f->latency_us;
  if (passed < (least > WHILE_LEAST_US ? least : WHILE_LEAST_US)) return;
  f->rate = (uint64_t)((double)(f->delivered - f->while_delivered) * 1e6 / (double)passed);
  f->while_us = now_us;
  f->while_delivered = f->delivered;
}

void file_flow_lost(file_flow *f) {
  f->under_way = 0;
}

void file_flow_new_way(file_flow *f) {
  f->latency_us = f->rate = f->while_us = 0;
  f->while_delivered = f->delivered;
}
