/* Files between two peers (docs/protocol.md, section 8, "Files"): what both sides say about them, in which order their
 * bytes go, and where each goes on after whatever was lost. One object for one peer. Pure: it knows no disk, no clock
 * and no hash; the owner reads, stores and hashes, and hands over places and digests.
 *
 * Outgoing: ADD offers a file; pl_transfer_next_want says which piece to read next; READ hands it over and it goes
 * out by `send`; TAKEN says what the peer has stored; OVER ends it.
 * Incoming: OFFERED asks; ACCEPT (the user) is followed by PREPARE; READY tells what is stored already; STORE hands
 * pieces over, STORED confirms them; FINISH wants the whole checked and named; FINISHED says how that went; OVER ends
 * it.
 *
 * What is said about files waits here, as flags of the files, until pl_transfer_next_word can be sent: nothing is
 * queued that a peer could make long. What was said about a file that is over is kept until the peer has heard it, and
 * is said again in the next session. Memory: PL_TRANSFER_FILES_MAX files in each direction, each with its name. Every
 * id, size, offset and name that comes in a message is hostile. */
#ifndef PL_TRANSFER_H
#define PL_TRANSFER_H

#include "../wire/wire.h"

enum {
  PL_TRANSFER_FILES_MAX = 1024,    /* in each direction, not over */
  PL_TRANSFER_GROUP_OPEN_MAX = 64, /* of one outgoing group, not over */
  PL_TRANSFER_AT_ONCE = 4,         /* outgoing files that take turns */
  PL_TRANSFER_HEAD_BYTES = 25,     /* of FILE_DATA, before its bytes */
  PL_TRANSFER_WORD_MAX = 1600,     /* largest message on CHAT_CHANNEL */
  PL_TRANSFER_NAME_MAX = 1536,     /* a safe name, with the NUL */
  PL_TRANSFER_PART_MAX = 200       /* bytes of one part of a safe name, but for what is put before or behind it */
};

typedef enum pl_transfer_state {
  PL_TRANSFER_ASKING,    /* incoming: not decided. Outgoing: offered, not wanted yet in this session */
  PL_TRANSFER_PREPARING, /* incoming: wanted, READY is due */
  PL_TRANSFER_MOVING,    /* bytes go, unless held */
  PL_TRANSFER_ENDING     /* incoming: FINISHED is due. Outgoing: FILE_END was sent */
} pl_transfer_state;

typedef struct pl_transfer pl_transfer;

/* What the owner may read; only `user` is the owner's to write. Good until OVER was told. */
typedef struct pl_transfer_file {
  uint8_t id[PL_CONST_FILE_ID_BYTES], group[PL_CONST_FILE_ID_BYTES]; /* group: zero for none */
  bool outgoing;
  uint8_t flags; /* PL_CONST_FILE_FLAG_… */
  uint32_t group_files;
  uint64_t group_bytes;
  uint64_t size; /* of a stream: 0 until it has ended */
  pl_transfer_state state;
  uint64_t stored;               /* what the receiver has on its disk, as far as is known here */
  uint8_t held_here, held_there; /* 0, or PL_CONST_FILE_HELD_… */
  pl_view name, media_type;      /* incoming: the other side's word */
  void *user;
} pl_transfer_file;

typedef enum pl_transfer_event_type {
  PL_TRANSFER_BEGUN = 1,   /* a session with the peer began, or was reset: what was said before may be lost */
  PL_TRANSFER_MESSAGE,     /* .channel .data came; what is no message about files is skipped */
  PL_TRANSFER_PAUSE,       /* .id: a person pauses this file, or goes on, at this side */
  PL_TRANSFER_RESUME,      /* .id */
  PL_TRANSFER_STOP,        /* .id of a file or group, .why: over, and the peer is told */
  PL_TRANSFER_HEARD,       /* .offset: the peer took all words up to the one that was sent with this place */
  PL_TRANSFER_MESSAGE_MAX, /* .size: the largest message that the peer takes, more than PL_TRANSFER_HEAD_BYTES */
  /* outgoing */
  PL_TRANSFER_ADD,      /* .file: offer it; PL_EAGAIN when too many are open, PL_ESTATE when it is there already */
  PL_TRANSFER_READ,     /* .want .data: the piece that was wanted; PL_EAGAIN when it cannot be sent now: again later */
  PL_TRANSFER_READ_END, /* .want .size .sha256: all was read, here is its hash; PL_EAGAIN as above */
  PL_TRANSFER_READ_FAILED, /* .id .why: FILE_UNREADABLE or FILE_CHANGED */
  PL_TRANSFER_TAKEN,       /* .id .offset: the peer took all FILE_DATA below */
  PL_TRANSFER_KEPT,        /* .id .offset: of a stream, what is before this place cannot be read again */
  /* incoming */
  PL_TRANSFER_ACCEPT,       /* .id of a file, or a group: these, and those of it that are still to be offered */
  PL_TRANSFER_READY,        /* .id .offset: so much is stored already; send the rest */
  PL_TRANSFER_STORED,       /* .id .offset: all below is on the disk */
  PL_TRANSFER_STORE_FAILED, /* .id .offset as above, .why: FILE_HELD_DISK_FULL of a hold; what was handed over beyond is
                               lost */
  PL_TRANSFER_ROOM,         /* .id: there is room again */
  PL_TRANSFER_AGAIN,        /* .id: what is there is not what was offered: all of it is to be sent, from the start */
  PL_TRANSFER_FINISHED      /* .id .why: 0: saved (also, at any time: it is there from before), else of a FILE_STOP */
} pl_transfer_event_type;

/* A piece to read: `size` bytes from `offset`; with `end`, nothing, but the hash of the whole. */
typedef struct pl_transfer_want {
  pl_transfer_file *file;
  uint8_t id[PL_CONST_FILE_ID_BYTES];
  uint32_t generation;
  uint64_t offset;
  uint32_t size;
  bool end;
} pl_transfer_want;

typedef struct pl_transfer_event {
  pl_transfer_event_type type;
  uint8_t channel, why;
  const uint8_t *id; /* FILE_ID_BYTES */
  uint64_t offset, size;
  pl_view data;
  const uint8_t *sha256;        /* 32 bytes */
  const pl_transfer_want *want; /* as it was given; its file may be gone */
  const pl_transfer_file *file; /* of ADD: id, group, flags, size, group_files, group_bytes, name, media_type, user */
} pl_transfer_event;

typedef enum pl_transfer_action_type {
  PL_TRANSFER_OFFERED = 1, /* incoming, not decided: ask. `first`: of its group, or it has none */
  PL_TRANSFER_PREPARE,     /* incoming, wanted: answer with READY, FINISHED (also: it was saved before) or STOP */
  PL_TRANSFER_STORE,       /* incoming: .data at .offset; in order */
  PL_TRANSFER_FINISH,      /* incoming: all was handed over; .size, .sha256 of the whole; answer with FINISHED */
  PL_TRANSFER_TOLD,        /* the peer said something that people may want to know: accepted, held, goes on */
  PL_TRANSFER_OVER         /* .why: 0: saved, else of FILE_STOP; `by_peer`. Drop what belongs to it */
} pl_transfer_action_type;

typedef struct pl_transfer_action {
  pl_transfer_action_type type;
  pl_transfer_file *file;
  bool first, by_peer;
  uint8_t why;
  uint64_t offset, size;
  pl_view data;
  const uint8_t *sha256;
} pl_transfer_action;

/* `act` may step the same object again. `send` takes one message of FILE_CHANNEL in two parts; 0, PL_EAGAIN, or, after
 * a step MESSAGE_MAX that says how much the peer takes, PL_EMSGSIZE. */
typedef struct pl_transfer_sink {
  void (*act)(void *context, const pl_transfer_action *action);
  int (*send)(void *context, const uint8_t *head, size_t head_size, pl_view body);
  void *context;
} pl_transfer_sink;

int pl_transfer_new(const pl_transfer_sink *sink, pl_transfer **out) PL_MUST_USE; /* the sink is copied */
void pl_transfer_free(pl_transfer *t);                                            /* without OVER */

/* Returns 0; PL_EINVAL; PL_ESTATE (no such file, or not in this state); PL_EAGAIN as above; PL_ENOMEM: an offer, own or
 * the peer's, found no memory, and nothing has changed. A message does not fail otherwise. */
int pl_transfer_step(pl_transfer *t, const pl_transfer_event *in);

/* What to read next: true and *out; moves on with each call. */
bool pl_transfer_next_want(pl_transfer *t, pl_transfer_want *out);

/* The next message for CHAT_CHANNEL: its size, 0 for none. It stays the next until pl_transfer_word_sent, which takes
 * the place that it has in the channel: greater than those before. */
size_t pl_transfer_next_word(pl_transfer *t, uint8_t out[PL_TRANSFER_WORD_MAX]);
void pl_transfer_word_sent(pl_transfer *t, uint64_t place);
/* The peer has heard how each file ended that this side ended. */
bool pl_transfer_is_heard(const pl_transfer *t);

/* The files of both directions, in the order they were offered: NULL first gives the first. */
pl_transfer_file *pl_transfer_each(const pl_transfer *t, const pl_transfer_file *after);
pl_transfer_file *pl_transfer_find(const pl_transfer *t, bool outgoing, const uint8_t *id);
bool pl_transfer_has_group(const uint8_t *group);

/* ---- names: another's word made into a path that stays below a folder (docs/protocol.md, "Names") ------------- */
/* Parts joined by '/', at least one, with a NUL; gives the length. keep_hidden: parts but the first may begin with a
 * point. */
size_t pl_transfer_safe_name(pl_view name, bool keep_hidden, char out[PL_TRANSFER_NAME_MAX]);
/* One part of a path with " (n)" before its ending; false when it does not fit. */
bool pl_transfer_numbered_name(const char *part, unsigned n, char *out, size_t size);

#endif
