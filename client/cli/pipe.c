#include "pipe.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool pipe_is_over(const pipe_peer *p) {
  return p->end_taken && p->finish_delivered;
}

static bool speaks_pipe(const pipe_peer *p) {
  return strncmp(pairlink_session_application(p->session), "pipe/", 5) == 0;
}

/* ---- peers -------------------------------------------------------------------------------------------- */

void pipe_no_memory(pipe_job *j, pairlink_session *s) {
  if (s) (void)pairlink_close(s, PAIRLINK_REASON_OVERFLOW, "out of memory");
  job_no_memory(&j->base);
}

int pipe_add(pipe_job *j, pairlink_session *s) {
  size_t count = 0;
  pipe_peer **at = &j->waiting;
  for (; *at; at = &(*at)->next) count++;
  if (count >= WAITING_MAX) return PAIRLINK_EAGAIN;
  pipe_peer *p = calloc(1, sizeof *p);
  if (!p) return PAIRLINK_ENOMEM;
  p->session = s;
  pairlink_session_set_user(s, p);
  if (j->active)
    *at = p;
  else
    j->active = p;
  return 0;
}

static void pipe_forget(pipe_job *j, pipe_peer *p) {
  j->base.back_is_said = false;
  for (pipe_peer **at = &j->waiting; *at; at = &(*at)->next)
    if (*at == p) {
      *at = p->next;
      break;
    }
  if (j->active == p) {
    j->active = j->waiting;
    if (j->active) j->waiting = j->active->next, j->active->next = NULL;
    j->send_blocked = false;
  }
  chunks_deinit(&p->received);
  free(p);
}

/* Closes the session when both directions are over, or everything that connect waits for has happened. */
static void pipe_check_over(pipe_job *j, pipe_peer *p) {
  if (p->closing || p != j->active) return;
  /* A chat never ends its direction, so connect is done with one when everything was delivered. */
  bool said_all = !j->is_listen && p->finish_delivered && p->was_linked && !speaks_pipe(p);
  bool enough = pipe_is_over(p) || (said_all && !p->received.first); /* bytes that are not written yet would be lost */
  if (enough) {
    p->closing = true;
    pairlink_close(p->session, 0, NULL);
  } else if (p->finish_delivered && !p->end_received && j->base.c->verbose) {
    ui_note("%s has taken everything. Waiting for what it still sends.",
            job_name(&j->base, pairlink_session_peer(p->session)));
  }
}

static void pipe_on_closed(pipe_job *j, pipe_peer *p, const pairlink_event *e) {
  char text[200], why[320];
  bool all = pipe_is_over(p) || p->closing;
  /* The other side may close when all it sent has come and nothing of ours was lost. */
  if (!all && e->error == PAIRLINK_ECLOSED && e->reason == PAIRLINK_REASON_CLOSED && !p->lost && !p->received.first)
    all = (p->end_taken && p->finished) || (!speaks_pipe(p) && p->was_linked);
  ui_clean(e->text, text, sizeof text);
  const char *who = job_name(&j->base, e->peer);
  int error = e->error ? e->error : PAIRLINK_ECLOSED;
  bool was_linked = p->was_linked;
  pipe_forget(j, p);
  if (j->base.ending) return;
  if (all) {
    ui_note("Done with %s.", who);
    if (!j->keep) job_end(&j->base, EXIT_OK);
    return;
  }
  const char *reason = e->reason ? pairlink_reason_text(e->reason) : pairlink_error_text(error);
  snprintf(why, sizeof why, "%s%s%s", reason, *text ? ": " : "", text);
  if (j->keep) {
    ui_say("%s left before everything was exchanged (%s).", who, why);
    return;
  }
  if (!was_linked && job_is_turned_away(e)) {
    job_refused(&j->base, e, !j->by_link && contacts_find(&j->base.people, e->peer));
    return;
  }
  ui_error(
      error == PAIRLINK_EREFUSED ? "the other side refused" : "the other side left before everything was exchanged",
      why, pairlink_error_hint(error));
  job_end(&j->base, exit_code_of_error(error));
}

/* ---- messages about the connection --------------------------------------------------------------------- */

static void pipe_on_linked(const pipe_job *j, pipe_peer *p, const pairlink_event *e) {
  if (!p->was_linked)
    ui_say("Connected with %s, end-to-end encrypted.", job_name(&j->base, e->peer));
  else if (p->unlinked)
    ui_say("Connected again. Nothing was lost.");
  p->was_linked = true;
  p->unlinked = p->unlinked_said = false;
}

/* Called after the dispatch: when the relay was lost, the job has said so already. */
static void pipe_say_unlinked(pipe_job *j, pipe_peer *p) {
  if (!p->unlinked || p->unlinked_said || p->closing || j->base.ending) return;
  if (pairlink_is_checking(j->base.client)) return; /* it is said once the relay answers */
  p->unlinked_said = true;
  if (!j->base.is_online) return;
  const char *who = job_name(&j->base, pairlink_session_peer(p->session));
  if (!p->was_linked)
    ui_say("%s is not there yet, or has not let you in. Waiting.", who);
  else
    ui_say("Connection with %s lost. Trying again.", who);
}

/* ---- from the peer to stdout -------------------------------------------------------------------------- */

static void output_failed(pipe_job *j, pipe_peer *p) {
  bool gone = errno == EPIPE;
  ui_error("received data cannot be written to stdout", gone ? "its reader is gone" : strerror(errno), NULL);
  pairlink_close(p->session, PAIRLINK_REASON_CLOSED, gone ? "the reader is gone" : "writing failed");
  job_end(&j->base, EXIT_IO);
}

static void pipe_on_message(pipe_job *j, pipe_peer *p, const pairlink_event *e) {
  if (e->channel != 0) {
    (void)pairlink_take(p->session, e->channel, e->place);
    return;
  }
  size_t written = 0;
  if (p == j->active && !p->received.first && output_never_waits(&j->out)) {
    long n = output_write(&j->out, e->data, e->size);
    if (n < 0) {
      output_failed(j, p);
      return;
    }
    written = (size_t)n;
    if (written == e->size) {
      (void)pairlink_take(p->session, 0, e->place);
      return;
    }
  }
  if (!chunks_append(&p->received, (const uint8_t *)e->data + written, e->size - written, e->place))
    pipe_no_memory(j, p->session);
}

static void pipe_take_end(pipe_job *j, pipe_peer *p) {
  if (!p->end_received || p->end_taken || p->received.first) return;
  p->end_taken = true;
  (void)pairlink_take(p->session, 0, p->end_place);
  pipe_check_over(j, p);
}

static void pipe_write_output(pipe_job *j) {
  pipe_peer *p = j->active;
  for (int i = 0; i < 16 && p && p->received.first; i++) {
    chunk *c = p->received.first;
    long n = c->size > c->written ? output_write(&j->out, c->bytes + c->written, c->size - c->written) : 0;
    if (n < 0) {
      output_failed(j, p);
      return;
    }
    c->written += (size_t)n;
    if (c->written < c->size) break;
    (void)pairlink_take(p->session, 0, c->place);
    chunks_drop_first(&p->received);
  }
  if (p) pipe_take_end(j, p);
  if (p && !p->received.first && !speaks_pipe(p)) pipe_check_over(j, p);
}

/* ---- from stdin to the peer --------------------------------------------------------------------------- */

/* Stops sending until WRITABLE or CLOSED. Ends the command when memory ran out. */
static void pipe_cannot_send(pipe_job *j, const pipe_peer *p, int error) {
  j->send_blocked = true;
  if (error == PAIRLINK_ENOMEM) pipe_no_memory(j, p->session);
}

static void pipe_finish(pipe_job *j, pipe_peer *p) {
  if (p->finished || !j->input_ended || j->input_sent < j->input_size) return;
  int error = pairlink_finish(p->session, 0, &p->finish_place);
  p->finished = error == 0;
  if (error) pipe_cannot_send(j, p, error);
}

static void pipe_send_input(pipe_job *j) {
  pipe_peer *p = j->active;
  if (!p || p->closing || !p->was_linked || j->send_blocked) return;
  while (j->input_sent < j->input_size) {
    size_t n = j->input_size - j->input_sent;
    if (n > j->send_max) n = j->send_max;
    int error = pairlink_send(p->session, j->input + j->input_sent, n);
    if (error == PAIRLINK_EMSGSIZE && n > 1) {
      j->send_max = n / 2;
    } else if (error) {
      pipe_cannot_send(j, p, error);
      return;
    } else {
      j->input_sent += n;
    }
  }
  pipe_finish(j, p);
}

static void pipe_read_input(pipe_job *j) {
  if (j->input_ended || j->input_sent < j->input_size) return;
  ssize_t n = read(STDIN_FILENO, j->input, sizeof j->input);
  if (n < 0 && (errno == EINTR || errno == EAGAIN)) return;
  if (n < 0) {
    ui_error("stdin cannot be read", strerror(errno), NULL);
    if (j->active) pairlink_close(j->active->session, PAIRLINK_REASON_CLOSED, "reading failed");
    job_end(&j->base, EXIT_IO);
    return;
  }
  j->input_sent = 0;
  j->input_size = (size_t)n;
  j->input_ended = n == 0;
  pipe_send_input(j);
}

/* ---- events and polling ------------------------------------------------------------------------------- */

void pipe_event(pipe_job *j, const pairlink_event *e) {
  pipe_peer *p = pairlink_session_user(e->session);
  switch (e->type) {
    case PAIRLINK_EVENT_LINKED:
      pipe_on_linked(j, p, e);
      j->base.back_is_said = true;
      pipe_send_input(j);
      break;
    case PAIRLINK_EVENT_UNLINKED:
      p->unlinked = true;
      break;
    case PAIRLINK_EVENT_MESSAGE:
      pipe_on_message(j, p, e);
      break;
    case PAIRLINK_EVENT_END:
      if (e->channel != 0) {
        (void)pairlink_take(p->session, e->channel, e->place);
        break;
      }
      p->end_received = true;
      p->end_place = e->place;
      if (p == j->active) pipe_take_end(j, p);
      break;
    case PAIRLINK_EVENT_WRITABLE:
      if (p != j->active || e->channel != 0) break;
      j->send_blocked = false;
      pipe_send_input(j);
      break;
    case PAIRLINK_EVENT_DELIVERED:
      if (e->channel != 0 || !p->finished || e->place < p->finish_place) break;
      p->finish_delivered = true;
      pipe_check_over(j, p);
      break;
    case PAIRLINK_EVENT_LOST:
      p->lost = true;
      break;
    case PAIRLINK_EVENT_STREAM_RESET:
    case PAIRLINK_EVENT_CHANNEL_RESET:
      p->lost = true;
      pairlink_close(p->session, PAIRLINK_REASON_CLOSED, "the stream was cut");
      break;
    case PAIRLINK_EVENT_CLOSED:
      pipe_on_closed(j, p, e);
      break;
    default:
      break;
  }
}

size_t pipe_prepare(pipe_job *j, struct pollfd *fds) {
  size_t count = 0;
  pipe_peer *p = j->active;
  if (!p || p->closing) return 0;
  pipe_say_unlinked(j, p);
  pipe_send_input(j); /* a waiting peer may just have become the active one */
  pipe_take_end(j, p);
  if (p->closing) return 0;
  if (p->received.first) fds[count++] = (struct pollfd){.fd = j->out.fd, .events = POLLOUT};
  if (p->was_linked && !j->input_ended && j->input_sent == j->input_size && !j->send_blocked)
    fds[count++] = (struct pollfd){.fd = STDIN_FILENO, .events = POLLIN};
  return count;
}

void pipe_ready(pipe_job *j, const struct pollfd *fds, size_t count) {
  for (size_t i = 0; i < count && !j->base.ending; i++) {
    if (!fds[i].revents) continue;
    if (fds[i].fd == STDIN_FILENO && fds[i].events == POLLIN)
      pipe_read_input(j);
    else if (fds[i].fd == j->out.fd && fds[i].events == POLLOUT)
      pipe_write_output(j);
  }
}

void pipe_interrupt(pipe_job *j) {
  for (pipe_peer *p = j->active; p; p = p == j->active ? j->waiting : p->next)
    if (!p->closing && pairlink_session_is_linked(p->session))
      (void)pairlink_close(p->session, PAIRLINK_REASON_CLOSED, "interrupted");
}

int pipe_run(pipe_job *j) {
  output_open(&j->out, STDOUT_FILENO);
  int code = job_run(&j->base);
  while (j->active) pipe_forget(j, j->active);
  output_close(&j->out);
  return code;
}
