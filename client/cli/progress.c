#include "progress.h"

#include <stdio.h>
#include <string.h>

#include "columns.h"

enum { SAMPLE_EVERY_MS = 300, BAR_CELLS = 20, NAME_COLUMNS_MIN = 8 };

/* ---- figures ------------------------------------------------------------------------------------------ */

void progress_add(progress *p, uint64_t now_ms, uint64_t bytes) {
  size_t last = (p->next + PROGRESS_SAMPLES - 1) % PROGRESS_SAMPLES;
  if (p->count && bytes < p->samples[last].bytes) p->count = 0; /* the transfer restarted from further back */
  if (p->count && now_ms < p->samples[last].ms + SAMPLE_EVERY_MS) return;
  p->samples[p->next].ms = now_ms;
  p->samples[p->next].bytes = bytes;
  p->next = (p->next + 1) % PROGRESS_SAMPLES;
  if (p->count < PROGRESS_SAMPLES) p->count++;
}

uint64_t progress_rate(const progress *p, uint64_t now_ms) {
  if (p->count < 2) return 0;
  size_t last = (p->next + PROGRESS_SAMPLES - 1) % PROGRESS_SAMPLES;
  size_t first = (p->next + PROGRESS_SAMPLES - p->count) % PROGRESS_SAMPLES;
  bool silent = now_ms > p->samples[last].ms + 2 * SAMPLE_EVERY_MS;
  uint64_t since = silent ? now_ms : p->samples[last].ms;
  uint64_t ms = since - p->samples[first].ms, bytes = p->samples[last].bytes - p->samples[first].bytes;
  return ms ? (uint64_t)((double)bytes * 1000 / (double)ms) : 0;
}

int64_t progress_seconds_left(uint64_t rate, uint64_t bytes, uint64_t size) {
  if (!rate || bytes > size) return PROGRESS_UNKNOWN;
  uint64_t left = (size - bytes) / rate + ((size - bytes) % rate != 0);
  return left > 359999 ? PROGRESS_UNKNOWN : (int64_t)left; /* beyond 99 hours it would be a guess */
}

/* ---- text --------------------------------------------------------------------------------------------- */

static const char *const units[] = {"B", "KB", "MB", "GB", "TB", "PB", "EB"};

static size_t unit_for(uint64_t bytes) {
  size_t unit = 0;
  while (bytes >= 1000 && unit + 1 < sizeof units / sizeof *units) {
    bytes /= 1000;
    unit++;
  }
  return unit;
}

static void number_in(uint64_t bytes, size_t unit, char out[PROGRESS_TEXT_MAX]) {
  double value = (double)bytes;
  for (size_t i = 0; i < unit; i++) value /= 1000;
  snprintf(out, PROGRESS_TEXT_MAX, unit && value < 99.95 ? "%.1f" : "%.0f", value);
}

const char *progress_bytes(uint64_t bytes, char out[PROGRESS_TEXT_MAX]) {
  char number[PROGRESS_TEXT_MAX];
  size_t unit = unit_for(bytes);
  number_in(bytes, unit, number);
  snprintf(out, PROGRESS_TEXT_MAX, "%.20s %s", number, units[unit]);
  return out;
}

/* "1.2 of 1.9 GB", both in the unit of the whole. */
static void progress_amount(uint64_t bytes, uint64_t size, char out[2 * PROGRESS_TEXT_MAX]) {
  char part[PROGRESS_TEXT_MAX], whole[PROGRESS_TEXT_MAX];
  if (!size) {
    progress_bytes(bytes, out);
    return;
  }
  number_in(bytes, unit_for(size), part);
  progress_bytes(size, whole);
  snprintf(out, 2 * PROGRESS_TEXT_MAX, "%.20s of %s", part, whole);
}

const char *progress_time(int64_t seconds, char out[PROGRESS_TEXT_MAX]) {
  long long s = seconds;
  if (s < 0)
    out[0] = '\0';
  else if (s < 3600)
    snprintf(out, PROGRESS_TEXT_MAX, "%lld:%02lld", s / 60, s % 60);
  else
    snprintf(out, PROGRESS_TEXT_MAX, "%lld:%02lld:%02lld", s / 3600, s / 60 % 60, s % 60);
  return out;
}

/* ---- the line ----------------------------------------------------------------------------------------- */

/* Writes the name in exactly `columns` columns, filled with spaces, or cut and ended with an ellipsis. */
static size_t put_name(char *out, const char *name, unsigned columns) {
  size_t used = 0, size;
  unsigned at = 0, width, whole = columns_of(name), room = whole > columns ? columns - 1 : columns;
  while (*name && (size = columns_of_character(name, &width)) && at + width <= room && used + size <= 4 * columns) {
    memcpy(out + used, name, size);
    at += width;
    used += size;
    name += size;
  }
  if (whole > columns) {
    memcpy(out + used, "…", strlen("…"));
    used += strlen("…");
    at++;
  }
  for (; at < columns; at++) out[used++] = ' ';
  return used;
}

/* Draws the bar in steps of an eighth of a cell. */
static size_t put_bar(char *out, uint64_t bytes, uint64_t size) {
  static const char *const parts[] = {" ", "▏", "▎", "▍", "▌", "▋", "▊", "▉", "█"};
  unsigned eighths = size ? (unsigned)((double)bytes / (double)size * BAR_CELLS * 8) : 0;
  size_t used = 0;
  for (unsigned i = 0; i < BAR_CELLS; i++) {
    unsigned full = eighths > 8 * i ? eighths - 8 * i : 0;
    const char *part = parts[full > 8 ? 8 : full];
    memcpy(out + used, part, strlen(part));
    used += strlen(part);
  }
  return used;
}

size_t progress_line(char out[PROGRESS_LINE_MAX], unsigned columns, const char *name, uint64_t bytes, uint64_t size,
                     uint64_t rate, const char *note) {
  char much[2 * PROGRESS_TEXT_MAX], percent[8] = "", speed[PROGRESS_TEXT_MAX + 8] = "",
                                    left[PROGRESS_TEXT_MAX + 8] = "", text[PROGRESS_TEXT_MAX];
  int64_t seconds = size ? progress_seconds_left(rate, bytes, size) : PROGRESS_UNKNOWN;
  if (columns > 200) columns = 200;
  progress_amount(bytes, size, much);
  if (size) snprintf(percent, sizeof percent, "%3u%%", (unsigned)((double)bytes / (double)size * 100));
  if (*note)
    snprintf(speed, sizeof speed, "  %.36s", note);
  else if (rate)
    snprintf(speed, sizeof speed, "  %s/s", progress_bytes(rate, text));
  if (!*note && seconds >= 0) snprintf(left, sizeof left, "  %s left", progress_time(seconds, text));
  /* Gives room to the most important first: percent, amount, rate, time, bar. The name takes the rest. */
  unsigned room = columns > 1 ? columns - 1 : 1, used = 2 + (unsigned)strlen(percent);
  unsigned wish = columns_of(name), least = wish < NAME_COLUMNS_MIN ? wish : NAME_COLUMNS_MIN;
  bool show_much = used + least + 2 + strlen(much) <= room;
  used += show_much ? 2 + (unsigned)strlen(much) : 0;
  bool show_speed = show_much && used + least + columns_of(speed) <= room;
  used += show_speed ? columns_of(speed) : 0;
  bool show_left = show_speed && used + least + strlen(left) <= room;
  used += show_left ? (unsigned)strlen(left) : 0;
  bool show_bar = size && show_left && used + (wish < 20 ? wish : 20) + 1 + BAR_CELLS <= room;
  used += show_bar ? 1 + BAR_CELLS : 0;
  unsigned name_columns = room > used ? room - used : 1;
  size_t n = put_name(out, name, wish < name_columns ? wish : name_columns);
  n += (size_t)sprintf(out + n, "  %s", percent);
  if (show_bar) {
    out[n++] = ' ';
    n += put_bar(out + n, bytes, size);
  }
  n += (size_t)sprintf(out + n, "%s%s%s%s", show_much ? "  " : "", show_much ? much : "", show_speed ? speed : "",
                       show_left ? left : "");
  out[n] = '\0';
  return n;
}
