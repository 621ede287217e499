/* `pairlink send`: sends files to one person, by a pairing code or to a contact. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "file_flow.h"
#include "file_state.h"
#include "file_walk.h"
#include "json_out.h"
#include "share.h"

enum { OPTION_TO = 't', OPTION_AS = 256, OPTION_NEW, OPTION_JSON, HINT_AFTER_MS = 10000 };

/* An offered file: the `user` of the transfer's file. */
typedef struct outgoing {
  file_source *source;
  share_line line;
  uint8_t held_said;
} outgoing;

/* A FILE_DATA message that is in flight. */
typedef struct sent_piece {
  uint8_t id[16];
  uint64_t end, place, sent_us;
  size_t bytes;
} sent_piece;

typedef struct send_job {
  share s;
  target to;
  const char *to_text, *as;
  bool fresh, by_code, offered, hinted;
  uint64_t waits_ms; /* since when the other side has accepted nothing; 0: not so */
  char **paths;
  size_t path_count;
  file_list list;
  file_reader *reader;
  uint8_t group[16];
  size_t next, open;               /* next: the first source not offered yet; open: offered and not settled */
  size_t saved, failed, unsettled; /* unsettled: over, but the reader thread still works on it */
  uint8_t failed_why;
  uint64_t done_bytes, sent_bytes; /* of files that are over; of all FILE_DATA, including repetitions */
  bool file_blocked;
  file_flow flow;
  sent_piece *sent; /* a ring */
  size_t sent_first, sent_count, sent_size;
} send_job;

static send_job *job_of(share *s) {
  return (send_job *)s; /* share is the first member */
}

/* ---- offering ----------------------------------------------------------------------------------------- */

/* Makes the file's ID from its path and its name, because one file can be sent under two names. */
static bool make_id(const send_job *j, file_source *source) {
  size_t seen = strlen(source->seen) + 1, name = strlen(source->name) + 1;
  char *both = malloc(seen + name);
  if (!both) return false;
  memcpy(both, source->seen, seen);
  memcpy(both + seen, source->name, name);
  bool good =
      file_id(pairlink_id(j->s.base.client), j->s.peer, both, seen + name, source->size, source->mtime_ns, source->id);
  free(both);
  return good;
}

static int offer_one(send_job *j, file_source *source) {
  pl_transfer_file f = {.flags = source->flags, .size = source->size};
  outgoing *o = calloc(1, sizeof *o);
  if (!o || !make_id(j, source)) {
    free(o);
    return PAIRLINK_ENOMEM;
  }
  memcpy(f.id, source->id, sizeof f.id);
  f.name = (pl_view){(const uint8_t *)source->name, strlen(source->name)};
  if (j->list.is_group) {
    memcpy(f.group, j->group, sizeof f.group);
    f.group_files = j->list.count > UINT32_MAX ? UINT32_MAX : (uint32_t)j->list.count;
    f.group_bytes = j->list.bytes;
  }
  if (source->mtime_ns > 0) f.modified_ns = (uint64_t)source->mtime_ns;
  o->source = source;
  share_line_init(&o->line, f.id, f.name);
  o->line.is_stream = source->flags & PL_CONST_FILE_FLAG_STREAM;
  f.user = o;
  int error = share_step(&j->s, &(pl_transfer_event){.type = PL_TRANSFER_ADD, .add = {&f}});
  if (error) free(o);
  return error;
}

static bool has_stream(const file_list *list) {
  for (size_t i = 0; i < list->count; i++)
    if (list->sources[i].flags & PL_CONST_FILE_FLAG_STREAM) return true;
  return false;
}

static void send_tell_offer(send_job *j) {
  char id[FILE_HEX_CHARS], text[PROGRESS_TEXT_MAX];
  const uint8_t *unit = j->list.is_group ? j->group : j->list.sources[0].id;
  j->offered = true;
  if (j->list.is_group)
    ui_note("%zu file%s, %s", j->list.count, j->list.count == 1 ? "" : "s", progress_bytes(j->list.bytes, text));
  if (j->s.json)
    share_json(&j->s, json_out("offer", "{s:s, s:o, s:o, s:I}", "id", file_hex(unit, 16, id), "name",
                               json_out_text(j->list.title), "size", share_size(j->list.bytes, has_stream(&j->list)),
                               "files", (json_int_t)j->list.count));
}

static void offer_more(send_job *j) {
  static const uint8_t no_group[16];
  int error = 0;
  while (*j->s.peer && j->next < j->list.count && !j->s.base.ending) {
    if (!pl_transfer_has_room(j->s.transfer, j->list.is_group ? j->group : no_group)) break;
    file_source *source = &j->list.sources[j->next];
    error = offer_one(j, source);
    if (error) break;
    j->next++;
    j->open++;
  }
  if (error && error != PAIRLINK_EAGAIN) job_end(&j->s.base, ui_fail("cannot send", error, NULL));
  if (!j->offered && j->next) send_tell_offer(j);
}

static void start_with_peer(send_job *j) {
  const char *own = pairlink_id(j->s.base.client);
  if (!file_id(own, j->s.peer, j->list.paths, j->list.paths_size, 0, 0, j->group))
    job_no_memory(&j->s.base);
  else
    offer_more(j);
}

/* ---- the end ------------------------------------------------------------------------------------------ */

static int send_exit_code_of(uint8_t why) {
  switch (why) {
    case PL_CONST_FILE_DECLINED:
    case PL_CONST_FILE_CANCELLED:
    case PL_CONST_FILE_TOO_LARGE:
      return EXIT_REFUSED;
    default:
      return EXIT_IO;
  }
}

static void say_delivered(const send_job *j) {
  if (j->list.count == 1)
    ui_say("Delivered. SHA-256 matches.");
  else
    ui_say("All %zu delivered. SHA-256 matches.", j->list.count);
}

static void send_say_failed(const send_job *j) {
  char text[80];
  snprintf(text, sizeof text, "%zu of %zu were delivered", j->saved, j->list.count);
  if (!j->failed && j->list.left_out)
    ui_keep_error("not everything was sent", "some files cannot be read and were skipped", NULL);
  if (!j->failed || j->list.count == 1) return; /* about a single file everything was said */
  ui_say("%s.", text);
  ui_keep_error(text, share_why(j->failed_why, true), NULL);
}

/* Ends the job when everything is over. A file that failed is over only once the other side knows it; otherwise it
 * would wait for the rest. */
static void send_check_end(send_job *j) {
  if (j->open || j->next < j->list.count || j->s.base.ending || !share_may_end(&j->s)) return;
  if (j->by_code) sends_remove(pairlink_id(j->s.base.client), j->list.paths, j->list.paths_size);
  ui_status(NULL, 0);
  if (j->failed == 0) say_delivered(j);
  if (j->s.base.c->verbose)
    ui_note("Bytes of files that were sent in this run: %llu", (unsigned long long)j->sent_bytes);
  send_say_failed(j);
  int code = j->failed ? send_exit_code_of(j->failed_why) : j->list.left_out ? EXIT_IO : EXIT_OK;
  job_end(&j->s.base, code);
}

/* Closes a file that is over once the reader thread is done with it. The event `done` needs its hash, so a file that
 * was sent in an earlier run is hashed first. */
static void send_settle(send_job *j, file_source *source) {
  pl_transfer_want want = {.end = true};
  bool is_told = j->s.json && source->saved, has_hash = !(source->flags & PL_CONST_FILE_FLAG_FOLDER);
  if (!source->over || source->settled || source->pending) return;
  if (is_told && has_hash && !source->hashed && !source->hash_asked && source->path) {
    if (!file_reader_has_room(j->reader)) return;
    source->hash_asked = true;
    file_reader_ask(j->reader, source, &want);
    return;
  }
  source->settled = true;
  j->unsettled--;
  if (is_told)
    share_tell_done(&j->s, source->id, source->name, source->path, source->size,
                    source->hashed && has_hash ? source->sha256 : NULL);
  file_source_close(source);
  j->open--;
  offer_more(j);
}

/* When the other side declines or cancels a folder as a whole, tells the user once instead of for each file. */
static void tell_failed(send_job *j, const pl_transfer_action *a, const char *name) {
  const char *token = share_why_token(a->why), *text = share_why(a->why, a->by_peer);
  bool of_all = a->by_peer && (a->why == PL_CONST_FILE_DECLINED || a->why == PL_CONST_FILE_CANCELLED);
  bool said = of_all && j->list.count > 1 && j->failed && j->failed_why == a->why;
  j->failed++;
  j->failed_why = a->why;
  if (said)
    share_tell_error(&j->s, a->file->id, name, token, text, NULL);
  else
    share_file_error(&j->s, a->file->id, name, token, text, a->why == PL_CONST_FILE_CHANGED ? "send it again" : NULL);
}

static void send_on_over(send_job *j, const pl_transfer_action *a) {
  outgoing *o = a->file->user;
  file_source *source = o->source;
  source->over = true;
  j->unsettled++;
  j->done_bytes += a->why ? 0 : a->file->size;
  source->saved = a->why == 0;
  if (a->why == 0) {
    j->saved++;
    if (source->flags & PL_CONST_FILE_FLAG_STREAM) source->size = a->file->size;
  } else {
    tell_failed(j, a, o->line.name);
  }
  free(o);
  send_settle(j, source);
}

/* ---- what the other side does ------------------------------------------------------------------------- */

static void send_on_told(send_job *j, const pl_transfer_file *f) {
  outgoing *o = f->user;
  if (f->held_there == o->held_said) return;
  o->held_said = f->held_there;
  if (f->held_there == PL_CONST_FILE_HELD_DISK_FULL) share_tell_disk_full(&j->s, f->id, o->line.name);
  if (f->held_there == PL_CONST_FILE_HELD_DISK_FULL)
    ui_say("The disk of %s is full. The transfer resumes once there is room.", j->s.who);
  else if (f->held_there)
    ui_say("Paused by %s.", j->s.who);
}

static void send_on_action(share *s, const pl_transfer_action *a) {
  if (a->type == PL_TRANSFER_TOLD && a->file->outgoing)
    send_on_told(job_of(s), a->file);
  else if (a->type == PL_TRANSFER_OVER && a->file->outgoing)
    send_on_over(job_of(s), a);
  else if (a->type == PL_TRANSFER_OFFERED) /* this command only sends */
    (void)share_about(s, PL_TRANSFER_STOP, a->file->id, 0, PL_CONST_FILE_DECLINED);
}

static void send_on_left(share *s) {
  ui_say("%s stopped. The transfer resumes when they receive again. Press Ctrl-C to stop here.", s->who);
}

/* ---- bytes -------------------------------------------------------------------------------------------- */

static bool note_sent(send_job *j, const uint8_t *id, uint64_t end, uint64_t place, size_t bytes) {
  if (j->sent_count == j->sent_size) {
    size_t size = j->sent_size ? 2 * j->sent_size : 64;
    sent_piece *grown = malloc(size * sizeof *grown);
    if (!grown) return false;
    for (size_t i = 0; i < j->sent_count; i++) grown[i] = j->sent[(j->sent_first + i) % j->sent_size];
    free(j->sent);
    j->sent = grown;
    j->sent_size = size;
    j->sent_first = 0;
  }
  sent_piece *p = &j->sent[(j->sent_first + j->sent_count++) % j->sent_size];
  memcpy(p->id, id, sizeof p->id);
  p->end = end;
  p->place = place;
  p->bytes = bytes;
  p->sent_us = job_now_us();
  file_flow_sent(&j->flow, bytes);
  return true;
}

/* Sends head and piece as one message. There is room for the head directly before the piece. */
static int send_message(share *s, const uint8_t *head, size_t head_size, pl_view body) {
  send_job *j = job_of(s);
  pl_wire_file_data m;
  uint64_t place = 0;
  const uint8_t *whole = head;
  if (!s->current || !s->linked || (body.size && !file_flow_may_send(&j->flow))) return PAIRLINK_EAGAIN;
  if (body.size) {
    uint8_t *before = (uint8_t *)(uintptr_t)body.data - head_size;
    memcpy(before, head, head_size);
    whole = before;
  }
  int error = pairlink_send_channel(s->current, PL_CONST_FILE_CHANNEL, whole, head_size + body.size, &place);
  if (error == PAIRLINK_EMSGSIZE && share_learn_limit(s)) return error;
  if (error == PAIRLINK_ENOMEM) job_no_memory(&s->base);
  if (error) return PAIRLINK_EAGAIN; /* until WRITABLE, or a new session */
  if (!body.size || pl_wire_file_data_decode(&m, whole, head_size + body.size)) return 0;
  j->sent_bytes += body.size;
  if (!note_sent(j, m.id, m.offset + body.size, place, body.size)) job_no_memory(&s->base);
  return 0;
}

static void send_on_delivered(share *s, unsigned channel, uint64_t place) {
  send_job *j = job_of(s);
  while (channel == PL_CONST_FILE_CHANNEL && j->sent_count && j->sent[j->sent_first].place <= place) {
    sent_piece p = j->sent[j->sent_first];
    j->sent_first = (j->sent_first + 1) % j->sent_size;
    j->sent_count--;
    file_flow_arrived(&j->flow, p.bytes, p.sent_us, job_now_us());
    j->file_blocked = false;
    pl_transfer_file *f = pl_transfer_find(s->transfer, true, p.id);
    if (!f) continue;
    (void)share_about(s, PL_TRANSFER_TAKEN, p.id, p.end, 0);
    if (!(f->flags & PL_CONST_FILE_FLAG_STREAM)) continue;
    (void)share_about(s, PL_TRANSFER_KEPT, p.id, p.end, 0);
    file_reader_forget(j->reader, ((outgoing *)f->user)->source, p.end);
  }
}

/* Returns true when too much of a stream waits for the other side: FILE_STREAM_KEPT_MAX bytes are kept at most. */
static bool keeps_too_much(const send_job *j) {
  const sent_piece *first = j->sent_count ? &j->sent[j->sent_first] : NULL;
  const sent_piece *last = first ? &j->sent[(j->sent_first + j->sent_count - 1) % j->sent_size] : NULL;
  return first && last->end > first->end + FILE_STREAM_KEPT_MAX;
}

static void send_ask_reader(send_job *j) {
  pl_transfer_want want;
  while (file_reader_has_room(j->reader) && !keeps_too_much(j) && pl_transfer_next_want(j->s.transfer, &want))
    file_reader_ask(j->reader, ((outgoing *)want.file->user)->source, &want);
}

/* Sends the first piece that was read. Returns false when there is none, or it has to wait. */
static bool pass_on(send_job *j) {
  file_piece *p = file_reader_first(j->reader);
  if (!p || (j->file_blocked && p->want.file)) return false;
  if (p->no_memory) {
    job_no_memory(&j->s.base);
    return false;
  }
  file_source *source = p->source;
  pl_transfer_event in = {.type = p->type};
  if (p->type == PL_TRANSFER_READ) {
    in.read.want = &p->want;
    in.read.data = (pl_view){p->bytes, p->size};
  } else if (p->type == PL_TRANSFER_READ_END) {
    in.read_end.want = &p->want;
    in.read_end.sha256 = source->sha256;
  } else {
    in.about.id = source->id;
    in.about.why = p->why;
  }
  bool only_hash = p->want.file == NULL;
  if (!only_hash && share_step(&j->s, &in) == PAIRLINK_EAGAIN) {
    j->file_blocked = true;
    return false;
  }
  file_reader_drop(j->reader);
  send_settle(j, source);
  return true;
}

static void send_pump(send_job *j) {
  do send_ask_reader(j);
  while (!j->s.base.ending && pass_on(j));
  for (size_t i = 0; i < j->next && j->unsettled && !j->s.base.ending; i++) send_settle(j, &j->list.sources[i]);
  send_check_end(j);
}

static void send_on_writable(share *s) {
  job_of(s)->file_blocked = false;
}

static void send_on_new_session(share *s) {
  send_job *j = job_of(s);
  j->sent_count = 0;
  file_flow_lost(&j->flow);
  j->file_blocked = false;
}

static void send_on_linked(share *s) {
  file_flow_new_connection(&job_of(s)->flow);
  job_of(s)->file_blocked = false;
}

static uint64_t send_arrived(const share *s) {
  uint64_t sum = ((const send_job *)s)->done_bytes;
  for (pl_transfer_file *f = NULL; (f = pl_transfer_each(s->transfer, f));)
    if (f->outgoing) sum += f->stored;
  return sum;
}

/* ---- hooks of the job --------------------------------------------------------------------------------- */

static void send_on_event(job *base, const pairlink_event *e) {
  send_job *j = base->user;
  char why[PL_WHY_MAX] = "";
  pairing_state state = pairing_event(&j->s.code, e);
  if (state == PAIRING_FAILED) job_end(base, j->s.code.exit_code);
  if (state == PAIRING_DONE) {
    share_paired(&j->s, &j->s.code.who);
    if (sends_add(pairlink_id(base->client), j->list.paths, j->list.paths_size, j->s.peer, why))
      ui_note("To resume after an interruption, you will need a new code: %s", why);
    start_with_peer(j);
  }
  share_event(&j->s, e);
}

static void send_on_online(job *base) {
  send_job *j = base->user;
  if (*j->s.peer) return;
  int code = pairing_make(&j->s.code, base, "pairlink receive", j->s.json);
  if (code) job_end(base, code);
}

static const char *send_note_of(const pl_transfer_file *f) {
  if (f->held_there == PL_CONST_FILE_HELD_DISK_FULL) return "their disk is full";
  if (f->held_there || f->held_here) return "paused";
  if (f->state == PL_TRANSFER_ASKING) return "waiting for them to accept";
  return f->state == PL_TRANSFER_ENDING ? "checking" : "";
}

static void send_draw(send_job *j) {
  if (!share_draw_begin(&j->s)) return;
  for (pl_transfer_file *f = NULL; (f = pl_transfer_each(j->s.transfer, f));) {
    outgoing *o = f->outgoing ? f->user : NULL;
    if (!o || (f->state == PL_TRANSFER_ASKING && j->list.count > 1 && f->stored == 0)) continue;
    share_draw_file(&j->s, &o->line, f->stored, f->size, send_note_of(f));
  }
  share_draw_end(&j->s);
}

/* When nothing was accepted for a while, tells what to type there. A page asks its user anyway. */
static void send_hint(send_job *j) {
  bool asking = j->s.linked && j->saved + j->failed == 0;
  for (pl_transfer_file *f = NULL; asking && (f = pl_transfer_each(j->s.transfer, f));)
    asking = !f->outgoing || f->state == PL_TRANSFER_ASKING;
  if (!asking || !j->waits_ms) j->waits_ms = asking ? job_now_ms() : 0;
  if (!asking || j->hinted || job_now_ms() < j->waits_ms + HINT_AFTER_MS) return;
  j->hinted = true;
  ui_note("Not accepted yet. At a command line they need: %s",
          job_command_there(&j->s.base, "pairlink receive --from YOUR-NAME"));
}

static void send_on_tick(job *base) {
  send_job *j = base->user;
  share_tick(&j->s);
  send_hint(j);
  send_draw(j);
}

/* Also does the work: the loop comes here whenever the reader thread has finished a piece. */
static size_t send_prepare(job *base, struct pollfd *fds) {
  send_job *j = base->user;
  send_pump(j);
  send_draw(j);
  fds[0] = (struct pollfd){.fd = file_reader_fd(j->reader), .events = POLLIN};
  return 1;
}

static void send_on_interrupt(job *base) {
  send_job *j = base->user;
  char text[PROGRESS_TEXT_MAX], whole[PROGRESS_TEXT_MAX];
  ui_status(NULL, 0);
  if (!*j->s.peer || !j->s.was_linked) return;
  ui_say("Stopped at %s of %s.", progress_bytes(send_arrived(&j->s), text), progress_bytes(j->list.bytes, whole));
  for (size_t i = 0; i < j->list.count; i++)
    if (!j->list.sources[i].path) {
      ui_say("Data from a pipe cannot be resumed: send it again.");
      return;
    }
  share_say_command(&j->s, j->to_text ? "send --to" : "send", j->to_text ? j->s.who : NULL, " … (the same as before)");
}

/* ---- arguments ---------------------------------------------------------------------------------------- */

static const struct argp_option send_options[] = {
    {"to", OPTION_TO, "CONTACT", 0, "Send to a contact (name or ID) instead of making a code", 0},
    {"as", OPTION_AS, "NAME", 0, "File name for the data from a pipe (default: stdin)", 0},
    {"new", OPTION_NEW, NULL, 0, "Make a new code, even if the same files were being sent to someone", 0},
    {"json", OPTION_JSON, NULL, 0, "For scripts: one JSON object per line on stdout", 0},
    {0},
};

static error_t send_parse(int key, char *arg, struct argp_state *state) {
  send_job *j = state->input;
  const option_place places[] = {
      {OPTION_TO, .text = &j->to_text},
      {OPTION_AS, .text = &j->as},
      {OPTION_NEW, .flag = &j->fresh},
      {OPTION_JSON, .flag = &j->s.json},
  };
  if (option_take(places, PL_ARRAY_LENGTH(places), key, arg, state)) return 0;
  switch (key) {
    case ARGP_KEY_ARGS:
      j->paths = state->argv + state->next;
      j->path_count = (size_t)(state->argc - state->next);
      return 0;
    case ARGP_KEY_NO_ARGS:
      argp_error(state, "send what? Name files or folders, or - for data from a pipe");
      return EINVAL;
    default:
      return ARGP_ERR_UNKNOWN;
  }
}

/* Sets the other side when the command line or an interrupted run tells it. */
static int send_find_peer(send_job *j) {
  char peer[PAIRLINK_ID_CHARS + 1];
  if (j->to_text) return share_with(&j->s, j->to.text);
  j->by_code = true;
  if (j->fresh || !sends_find(pairlink_id(j->s.base.client), j->list.paths, j->list.paths_size, peer)) return 0;
  ui_say("Resuming with %s. (Use --new for a new code.)", job_name(&j->s.base, peer));
  return share_with(&j->s, peer);
}

static int send_start(send_job *j, const cli *c) {
  static const job_hooks hooks = {.on_event = send_on_event,
                                  .on_online = send_on_online,
                                  .on_interrupt = send_on_interrupt,
                                  .prepare = send_prepare,
                                  .on_tick = send_on_tick};
  static const share_hooks sharing = {.act = send_on_action,
                                      .on_new_session = send_on_new_session,
                                      .linked = send_on_linked,
                                      .delivered = send_on_delivered,
                                      .writable = send_on_writable,
                                      .left = send_on_left,
                                      .send = send_message,
                                      .arrived = send_arrived};
  pairlink_options o;
  pairlink_options_init(&o);
  int code = j->to_text ? people_find(c, j->to_text, &j->to, &o) : 0;
  if (!code) code = file_list_make(&j->list, j->paths, j->path_count, j->as ? j->as : "stdin");
  if (code) return code;
  file_flow_init(&j->flow, j->list.bytes);
  j->reader = file_reader_new();
  if (!j->reader) return ui_fail("cannot start", errno == ENOMEM ? PAIRLINK_ENOMEM : PAIRLINK_ESYSTEM, strerror(errno));
  code = share_init(&j->s, c, &hooks, &sharing, &o);
  if (code) return code;
  code = send_find_peer(j);
  if (!code && *j->s.peer) start_with_peer(j);
  if (!code) return 0;
  pairlink_free(j->s.base.client);
  share_deinit(&j->s);
  return code;
}

static void send_end(send_job *j) {
  file_reader_free(j->reader);
  for (pl_transfer_file *f = NULL; j->s.transfer && (f = pl_transfer_each(j->s.transfer, f));)
    if (f->outgoing) free(f->user);
  share_deinit(&j->s);
  file_list_free(&j->list);
  free(j->sent);
}

static int send_run(const cli *c, int argc, char **argv) {
  static send_job only;
  send_job *j = &only;
  command_parse(&command_send, argc, argv, j);
  int code = send_start(j, c);
  if (!code) {
    j->s.base.tick_ms = job_now_ms();
    code = job_run(&j->s.base);
  }
  code = share_finish(&j->s, code);
  send_end(j);
  return code;
}

const command command_send = {
    .name = "send",
    .arguments = "PATH…",
    .summary = "send files and folders, by a code or to a contact",
    .completes = "FILE",
    .run = send_run,
    .argp = {.options = send_options,
             .parser = send_parse,
             .args_doc = "PATH…",
             .doc = "Sends files and folders, or - for data from a pipe. Without --to it shows a code. The other side "
                    "enters the code in `pairlink receive` or in the page, and from then on you are contacts. When the "
                    "connection is lost, the transfer resumes when it is back. After Ctrl-C or a crash at either end, "
                    "the same command resumes at the byte where it stopped. Exits with 0 once the other side has "
                    "everything and its SHA-256 matches."}};
