/* Files between two peers (docs/protocol.md, section 8, "Files"): what both sides say about them, in which order their
 * bytes are sent, and where each file resumes after whatever was lost. One object serves one peer. It is pure: it knows
 * no disk, no clock and no hash. Its owner reads, stores and hashes, and hands over places and digests.
 *
 * Outgoing: ADD offers a file. pl_transfer_next_want says which piece to read next; READ hands it over, and it is sent
 * through the sink. TAKEN reports what the peer has stored. OVER ends the file.
 * Incoming: OFFERED asks; the user's ACCEPT is followed by PREPARE. READY reports what is stored already. STORE hands
 * pieces over, and STORED confirms them. FINISH wants the whole file checked and named; FINISHED reports how that went.
 * OVER ends the file.
 *
 * A message on CHAT_CHANNEL about a file is called a *word*. What is to be said is kept as flags of the file until
 * pl_transfer_next_word can be sent, so a peer cannot make a queue grow. What was said about a file that is over is
 * kept until the peer has heard it, and is said again in the next session.
 *
 * Memory is bounded by PL_TRANSFER_FILES_MAX files in each direction, each with its name. Every id, size, offset and
 * name in a message comes from the peer and may be hostile. */
#ifndef PL_TRANSFER_H
#define PL_TRANSFER_H

#include "../wire/wire.h"

enum {
  PL_TRANSFER_FILES_MAX = 1024,     /* in each direction, of those that are not over */
  PL_TRANSFER_GROUP_OPEN_MAX = 512, /* of one outgoing group, of those that are not over */
  PL_TRANSFER_AT_ONCE = 4,          /* outgoing files that take turns */
  PL_TRANSFER_HEAD_BYTES = 25,      /* of FILE_DATA, before its bytes */
  PL_TRANSFER_WORD_MAX = 1600,      /* bytes of the largest word */
  PL_TRANSFER_NAME_MAX = 1536,      /* bytes of a safe name with its NUL */
  PL_TRANSFER_PART_MAX = 200        /* bytes of one part of a safe name, without what is put before or behind it */
};

typedef enum pl_transfer_state {
  PL_TRANSFER_ASKING,    /* incoming: not decided; outgoing: offered, and not yet wanted in this session */
  PL_TRANSFER_PREPARING, /* incoming: wanted; READY is due */
  PL_TRANSFER_MOVING,    /* bytes are sent, unless the file is held */
  PL_TRANSFER_ENDING     /* incoming: FINISHED is due; outgoing: FILE_END was sent */
} pl_transfer_state;

typedef struct pl_transfer pl_transfer;

/* The owner may read all of it, and write `user` only. Valid until OVER was told. */
typedef struct pl_transfer_file {
  uint8_t id[PL_CONST_FILE_ID_BYTES], group[PL_CONST_FILE_ID_BYTES]; /* group: zero when it is in no group */
  bool outgoing;
  uint8_t flags; /* PL_CONST_FILE_FLAG_… */
  uint32_t group_files;
  uint64_t group_bytes;
  uint64_t size; /* of a stream: 0 until it has ended */
  pl_transfer_state state;
  uint64_t stored;               /* bytes on the receiver's disk, as far as this side knows */
  uint8_t held_here, held_there; /* 0, or PL_CONST_FILE_HELD_… */
  uint64_t modified_ns;          /* Unix time of the last change; 0: unknown */
  pl_view name, media_type;      /* incoming: as the peer gave them */
  void *user;
} pl_transfer_file;

/* ---- events ---- */

typedef enum pl_transfer_event_type {
  PL_TRANSFER_BEGUN = 1,   /* a session with the peer started, or was reset: what was said before may be lost */
  PL_TRANSFER_MESSAGE,     /* came from the peer; skipped when it is not about files */
  PL_TRANSFER_PAUSE,       /* about: a person at this side pauses this file */
  PL_TRANSFER_RESUME,      /* about: a person at this side resumes this file */
  PL_TRANSFER_STOP,        /* about, .why: ends a file or group, and tells the peer */
  PL_TRANSFER_HEARD,       /* the peer took all words up to the one that was sent with this place */
  PL_TRANSFER_MESSAGE_MAX, /* the largest message that the peer takes; PL_EINVAL up to PL_TRANSFER_HEAD_BYTES */
  /* outgoing */
  PL_TRANSFER_ADD,         /* offers a file; PL_EAGAIN when too many are open, PL_ESTATE when it was added before */
  PL_TRANSFER_READ,        /* a piece that was wanted; PL_EAGAIN when it cannot be sent now: hand it over again later */
  PL_TRANSFER_READ_END,    /* the whole file was read; PL_EAGAIN as above */
  PL_TRANSFER_READ_FAILED, /* about, .why: FILE_UNREADABLE or FILE_CHANGED */
  PL_TRANSFER_TAKEN,       /* about, .offset: the peer took all FILE_DATA below it */
  PL_TRANSFER_KEPT,        /* about, .offset: of a stream, what is below it cannot be read again */
  /* incoming */
  PL_TRANSFER_ACCEPT,       /* about: of a group, it also accepts the files that are still to be offered */
  PL_TRANSFER_READY,        /* about, .offset: as many bytes are stored already; the peer is to send the rest */
  PL_TRANSFER_STORED,       /* about, .offset: everything below it is on the disk */
  PL_TRANSFER_STORE_FAILED, /* about, .offset as above, .why: FILE_HELD_DISK_FULL holds the file, everything else ends
                               it. What was handed over beyond .offset is lost */
  PL_TRANSFER_ROOM,         /* about: there is room again */
  PL_TRANSFER_AGAIN,        /* about: what is stored is not what was offered; all of it must be sent again */
  PL_TRANSFER_FINISHED /* about, .why: 0 when it is saved, else why FILE_STOP says so. Allowed in every state, for a
                          file that was saved earlier */
} pl_transfer_event_type;

/* A piece to read: `size` bytes from `offset`. With `end` there are no bytes to read: READ_END is wanted. */
typedef struct pl_transfer_want {
  pl_transfer_file *file;
  uint8_t id[PL_CONST_FILE_ID_BYTES];
  uint32_t generation;
  uint64_t offset;
  uint32_t size;
  bool end;
} pl_transfer_want;

/* Only the member of the event's type is set. */
typedef struct pl_transfer_event {
  pl_transfer_event_type type;
  union {
    struct {
      uint8_t channel;
      pl_view data;
    } message;
    struct {
      uint64_t place;
    } heard;
    struct {
      uint64_t size;
    } message_max;
    struct {
      const pl_transfer_file *file; /* id, group, flags, size, group_files, group_bytes, modified_ns,
                                       name, media_type, user */
    } add;
    struct {
      const pl_transfer_want *want; /* as it was given; want->file may be gone by now */
      pl_view data;
    } read;
    struct {
      const pl_transfer_want *want;
      const uint8_t *sha256; /* 32 bytes */
    } read_end;
    struct {
      const uint8_t *id; /* FILE_ID_BYTES */
      uint64_t offset;   /* where the type says so, as `why` */
      uint8_t why;
    } about; /* what happened to one file or group: all types marked "about" */
  };
} pl_transfer_event;

/* ---- actions ---- */

typedef enum pl_transfer_action_type {
  PL_TRANSFER_OFFERED = 1, /* incoming, not decided: ask the user. `first`: of its group, or it is in none */
  PL_TRANSFER_PREPARE,     /* incoming, wanted: answer with READY, STOP, or FINISHED when it was saved earlier */
  PL_TRANSFER_STORE,       /* incoming: .data at .offset; in order */
  PL_TRANSFER_FINISH,      /* incoming: all was handed over; .size and .sha256 of the whole. Answer with FINISHED */
  PL_TRANSFER_TOLD,        /* the peer said something worth showing: it accepted, held or resumed the file */
  PL_TRANSFER_OVER /* .why: 0 when it is saved, else the reason of FILE_STOP; `by_peer`. .file is freed after it */
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

/* `act` may step the same object again. `send` takes one message for FILE_CHANNEL in two parts. It returns 0,
 * PL_EAGAIN, or PL_EMSGSIZE after it has stepped MESSAGE_MAX with the size that the peer takes. */
typedef struct pl_transfer_sink {
  void (*act)(void *context, const pl_transfer_action *action);
  int (*send)(void *context, const uint8_t *head, size_t head_size, pl_view body);
  void *context;
} pl_transfer_sink;

/* ---- steps ---- */

int pl_transfer_new(const pl_transfer_sink *sink, pl_transfer **out) PL_MUST_USE; /* copies the sink */
void pl_transfer_free(pl_transfer *t);                                            /* does not tell OVER */

/* Returns 0; PL_EINVAL; PL_ESTATE when there is no such file or it is in another state; PL_EAGAIN as above; PL_ENOMEM
 * when an offer, of this side or the peer's, found no memory and nothing has changed. MESSAGE does not fail otherwise.
 */
int pl_transfer_step(pl_transfer *t, const pl_transfer_event *in) PL_MUST_USE;

/* Says what to read next. Returns false when nothing is to be read now. Each call returns another piece. */
bool pl_transfer_next_want(pl_transfer *t, pl_transfer_want *out) PL_MUST_USE;

/* Writes the next word and returns its size, or 0 when there is none. It stays the next one until
 * pl_transfer_word_sent, which takes the place that the word has in the channel; each place is greater than the one
 * before. */
size_t pl_transfer_next_word(pl_transfer *t, uint8_t out[PL_TRANSFER_WORD_MAX]);
void pl_transfer_word_sent(pl_transfer *t, uint64_t place);

/* Returns whether the peer has heard the end of every file that this side ended. */
bool pl_transfer_is_heard(const pl_transfer *t);

/* Walks the files of both directions in the order they were offered: returns the one after `after`, the first one for
 * NULL, and NULL after the last. */
pl_transfer_file *pl_transfer_each(const pl_transfer *t, const pl_transfer_file *after);
/* Returns whether one more file of this group may be offered now; otherwise ADD is PL_EAGAIN. */
bool pl_transfer_has_room(const pl_transfer *t, const uint8_t *group);
pl_transfer_file *pl_transfer_find(const pl_transfer *t, bool outgoing, const uint8_t *id); /* or NULL */
bool pl_transfer_has_group(const uint8_t *group);

/* ---- names: what a peer calls a file, made into a path that stays below a folder (docs/protocol.md, "Names") ---- */

/* Writes one or more parts joined by '/', and a NUL. Returns the length. With keep_hidden, parts other than the first
 * may start with a dot. */
size_t pl_transfer_safe_name(pl_view name, bool keep_hidden, char out[PL_TRANSFER_NAME_MAX]);

/* Writes one part of a path with " (n)" before its extension. Returns false when it does not fit. */
bool pl_transfer_numbered_name(const char *part, unsigned n, char *out, size_t size);

#endif
