/* Vectors of files (docs/protocol.md, section 8): safe names, and traces of one side: what happens to it, and what it
 * does and says then, by meaning and as bytes. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "client/core/transfer/transfer.h"
#include "own.h"

/* ---- names ---- */

typedef struct name_case {
  const char *name;
  size_t size; /* 0: up to the NUL */
} name_case;

#define BYTES(text) \
  { text, sizeof text - 1 }

static const name_case name_cases[] = {
    {"photo.jpg", 0},
    {"", 0},
    {".", 0},
    {"..", 0},
    {"/", 0},
    {"../../etc/passwd", 0},
    {"/etc/passwd", 0},
    {"a/../b", 0},
    {"a/./b//c/", 0},
    {"..\\..\\windows\\system32", 0},
    {"C:\\boot.ini", 0},
    {"a\\b/c", 0},
    {".ssh/authorized_keys", 0},
    {"../.bashrc", 0},
    {"project/.git/config", 0},
    {"...", 0},
    {". ", 0},
    {"x/...", 0},
    {"trailing dot.", 0},
    {"trailing space ", 0},
    {"dots and spaces. . .", 0},
    {" leading space", 0},
    {"-rf", 0},
    {"what?<is>:\"this\"|*", 0},
    {"tab\tline\nreturn\rescape\x1b[31mred", 0},
    {"bell\a delete\x7f", 0},
    BYTES("zero\0inside"),
    {"next line\xc2\x85 c1\xc2\x9b", 0},
    {"line\xe2\x80\xa8paragraph\xe2\x80\xa9", 0},
    {"invoice\xe2\x80\xaegpj.exe", 0},
    {"\xe2\x81\xa6isolate\xe2\x81\xa9 \xd8\x9cmark \xe2\x80\x8e\xe2\x80\x8f", 0},
    {"\xd9\x85\xdb\x8c\xe2\x80\x8c\xd8\xae\xd9\x88\xd8\xa7\xd9\x87\xd9\x85.txt", 0},
    {"\xd8\xb5\xd9\x88\xd8\xb1\xd8\xa9.jpg", 0},
    {"\xe5\x86\x99\xe7\x9c\x9f\xf0\x9f\x98\x80.png", 0},
    BYTES("lone \x80 and \xff and \xc3"),
    BYTES("long form \xc0\xaf slash"),
    BYTES("surrogate \xed\xa0\x80"),
    BYTES("beyond \xf4\x90\x80\x80"),
    BYTES("cut \xe2\x82"),
    {"con", 0},
    {"CON", 0},
    {"Con.txt", 0},
    {"con .txt", 0},
    {"nul/aux.c/prn", 0},
    {"com1", 0},
    {"LPT9.log", 0},
    {"com10", 0},
    {"COM\xc2\xb9.txt", 0},
    {"CONIN$", 0},
    {"console", 0},
    {"a.con", 0},
    {"project/-x/.env", 0},
    {"--", 0},
    /* both ends of each range of invisible characters, and their neighbours outside */
    {"a\xc2\xad\xcd\x8f\xe1\x85\x9f\xe1\x85\xa0\xe1\x9e\xb4\xe1\x9e\xb5\xe1\xa0\x8b\xe1\xa0\x8f\xe2\x80\x8b\xe2\x80\x8d"
     "b\xe2\x81\xa0\xe2\x81\xa5\xe2\x81\xaa\xe2\x81\xaf\xe2\xa0\x80\xe3\x85\xa4\xef\xb8\x80\xef\xb8\x8f\xef\xbb\xbf"
     "c\xef\xbe\xa0\xef\xbf\xb0\xef\xbf\xbb\xf0\x9b\xb2\xa0\xf0\x9b\xb2\xa3\xf0\x9d\x85\xb3\xf0\x9d\x85\xba"
     "\xf3\xa0\x80\x80\xf3\xa0\xbf\xbf.txt",
     0},
    {"\xc2\xac\xc2\xae\xcd\x8e\xcd\x90\xe1\x85\x9e\xe1\x85\xa1\xe1\x9e\xb3\xe1\x9e\xb6\xe1\xa0\x8a\xe1\xa0\x90"
     "\xe2\x80\x8a\xe2\x81\x9f\xe2\x9f\xbf\xe2\xa0\x81\xe3\x85\xa3\xe3\x85\xa5\xef\xb7\xbf\xef\xb8\x90\xef\xbb\xbe",
     0},
    {"\xef\xbc\x80\xef\xbe\x9f\xef\xbe\xa1\xef\xbf\xaf\xef\xbf\xbc\xf0\x9b\xb2\x9f\xf0\x9b\xb2\xa4\xf0\x9d\x85\xb2"
     "\xf0\x9d\x85\xbb\xf3\x9f\xbf\xbf\xf3\xa1\x80\x80",
     0},
    {"\xe2\x80\x8b/\xe2\x80\x8b..\xef\xbb\xbf/.\xc2\xad./a\xe2\x80\x8b",
     0}, /* an empty part, and twice the parent folder */
    {"c\xe2\x80\x8bon", 0},
    {"end.\xe2\x81\xa0", 0},
    {"\xe2\x80\x8b.hidden", 0},
    {"\xe2\x9d\xa4\xef\xb8\x8f.jpg", 0},
};

static void add_name(json_t *list, const uint8_t *name, size_t size) {
  char safe[PL_TRANSFER_NAME_MAX];
  json_t *entry = json_object();
  size_t n = pl_transfer_safe_name((pl_view){name, size}, false, safe);
  OWN_CHECK(n == strlen(safe) && n > 0);
  own_set_hex(entry, "name", name, size);
  own_set_text(entry, "safe", safe);
  own_append(list, entry);
}

static json_t *names(void) {
  json_t *list = json_array();
  uint8_t bytes[1024];
  for (size_t i = 0; i < PL_ARRAY_LENGTH(name_cases); i++) {
    const name_case *c = &name_cases[i];
    add_name(list, (const uint8_t *)c->name, c->size ? c->size : strlen(c->name));
  }
  memset(bytes, 'a', sizeof bytes);
  add_name(list, bytes, 200);
  add_name(list, bytes, 201);
  add_name(list, bytes, 1024);
  bytes[199] = '.';
  add_name(list, bytes, 300);
  for (size_t i = 0; i + 1 < sizeof bytes; i += 2) memcpy(bytes + i, "\xc3\xa9", 2);
  add_name(list, bytes, 400);
  bytes[0] = 'x'; /* now the character at 199 would not fit */
  add_name(list, bytes, 400);
  for (size_t i = 0; i < sizeof bytes; i++) bytes[i] = i % 2 ? '/' : 'b';
  add_name(list, bytes, sizeof bytes);
  for (size_t i = 0; i < sizeof bytes; i++) bytes[i] = (uint8_t) "con/"[i % 4];
  add_name(list, bytes, sizeof bytes);
  return list;
}

static json_t *numbered(void) {
  static const char *const parts[] = {"photo.jpg", "README", ".hidden", "archive.tar.gz", "dot.", "a"};
  json_t *list = json_array();
  for (size_t i = 0; i < PL_ARRAY_LENGTH(parts); i++) {
    char out[64];
    json_t *entry = json_object();
    unsigned n = i == 5 ? 1234 : 2;
    OWN_CHECK(pl_transfer_numbered_name(parts[i], n, out, sizeof out));
    own_set_text(entry, "name", parts[i]);
    own_set_number(entry, "number", n);
    own_set_text(entry, "then", out);
    own_append(list, entry);
  }
  return list;
}

/* ---- traces ---- */

static pl_transfer *side;
static uint64_t said; /* words of this trace; also the place of the last one */
static json_t *then;  /* the results of the running step */

static uint8_t sha[32];

static json_t *acted(const char *what) {
  json_t *entry = json_object();
  own_set_text(entry, "act", what);
  own_append(then, entry);
  return entry;
}

static void set_u64(json_t *object, const char *key, uint64_t value) {
  own_set_number(object, key, (json_int_t)value);
}

static void set_decimal(json_t *object, const char *key, uint64_t value) {
  char text[24];
  snprintf(text, sizeof text, "%" PRIu64, value);
  own_set_text(object, key, text);
}

static void act(void *context, const pl_transfer_action *a) {
  static const char *const names_of[] = {"", "offered", "prepare", "store", "finish", "told", "over"};
  json_t *entry = acted(names_of[a->type]);
  (void)context;
  own_set_hex(entry, "id", a->file->id, 16);
  if (a->type == PL_TRANSFER_OFFERED) own_set_number(entry, "first", a->first);
  if (a->type == PL_TRANSFER_FINISH && a->file->modified_ns) set_decimal(entry, "modified_ns", a->file->modified_ns);
  if (a->type == PL_TRANSFER_STORE) {
    set_u64(entry, "offset", a->offset);
    own_set_hex(entry, "bytes", a->data.data, a->data.size);
  }
  if (a->type == PL_TRANSFER_FINISH) {
    set_u64(entry, "size", a->size);
    own_set_hex(entry, "sha256", a->sha256, 32);
  }
  if (a->type == PL_TRANSFER_TOLD) own_set_number(entry, "held_there", a->file->held_there);
  if (a->type == PL_TRANSFER_OVER) {
    own_set_number(entry, "why", a->why);
    own_set_number(entry, "by_peer", a->by_peer);
  }
}

static int send_bytes(void *context, const uint8_t *head, size_t head_size, pl_view body) {
  (void)context;
  json_t *entry = acted("send");
  own_set_hex(entry, "head", head, head_size);
  set_u64(entry, "body_size", body.size);
  return 0;
}

static void words(void) {
  uint8_t word[PL_TRANSFER_WORD_MAX];
  size_t n;
  while ((n = pl_transfer_next_word(side, word))) {
    json_t *entry = acted("say");
    own_set_hex(entry, "message", word, n);
    pl_transfer_word_sent(side, ++said);
  }
}

static json_t *steps;

static json_t *begin_step(const char *what) {
  json_t *entry = json_object();
  own_set_text(entry, "do", what);
  then = json_array();
  OWN_CHECK(json_object_set_new(entry, "then", then) == 0);
  own_append(steps, entry);
  return entry;
}

static void run(json_t *entry, const pl_transfer_event *in) {
  int error = pl_transfer_step(side, in);
  if (error) own_set_number(entry, "error", error);
  words();
}

static uint8_t id_of_byte(uint8_t n, uint8_t out[16]) {
  memset(out, n, 16);
  return n;
}

/* Steps an event about one file, whose id is this byte repeated. */
static void about(const char *what, pl_transfer_event_type type, uint8_t n, uint64_t offset, uint8_t why) {
  uint8_t id[16];
  json_t *entry = begin_step(what);
  id_of_byte(n, id);
  own_set_hex(entry, "id", id, 16);
  set_u64(entry, "offset", offset);
  own_set_number(entry, "why", why);
  run(entry, &(pl_transfer_event){.type = type, .about = {id, offset, why}});
}

static void begun(void) {
  run(begin_step("begun"), &(pl_transfer_event){.type = PL_TRANSFER_BEGUN});
}

static void heard(uint64_t place) {
  json_t *entry = begin_step("heard");
  set_u64(entry, "offset", place);
  run(entry, &(pl_transfer_event){.type = PL_TRANSFER_HEARD, .heard = {place}});
}

static void message_max(uint64_t size) {
  json_t *entry = begin_step("message_max");
  set_u64(entry, "size", size);
  run(entry, &(pl_transfer_event){.type = PL_TRANSFER_MESSAGE_MAX, .message_max = {size}});
}

static void message(uint8_t channel, const uint8_t *data, int size) {
  json_t *entry = begin_step("message");
  OWN_CHECK(size > 0);
  own_set_number(entry, "channel", channel);
  own_set_hex(entry, "message", data, (size_t)size);
  run(entry, &(pl_transfer_event){.type = PL_TRANSFER_MESSAGE, .message = {channel, {data, (size_t)size}}});
}

static void offer(uint8_t n, uint8_t flags, uint64_t size, uint8_t group, const char *name) {
  uint8_t out[256];
  pl_wire_file_offer m = {.type = PL_CONST_FILE_OFFER, .flags = flags, .size = size};
  id_of_byte(n, m.id);
  if (id_of_byte(group, m.group)) m.group_files = 3, m.group_bytes = 30;
  m.name = (pl_view){(const uint8_t *)name, strlen(name)};
  m.media_type = (pl_view){(const uint8_t *)"text/plain", 10};
  message(PL_CONST_CHAT_CHANNEL, out, pl_wire_file_offer_encode(&m, out, sizeof out));
}

static void get(uint8_t n, uint64_t offset) {
  uint8_t out[64];
  pl_wire_file_get m = {.type = PL_CONST_FILE_GET, .offset = offset};
  id_of_byte(n, m.id);
  message(PL_CONST_CHAT_CHANNEL, out, pl_wire_file_get_encode(&m, out, sizeof out));
}

static void stop(uint8_t n, uint8_t why) {
  uint8_t out[64];
  pl_wire_file_stop m = {.type = PL_CONST_FILE_STOP, .why = why};
  id_of_byte(n, m.id);
  message(PL_CONST_CHAT_CHANNEL, out, pl_wire_file_stop_encode(&m, out, sizeof out));
}

static void hold(uint8_t n, uint8_t held, uint8_t why) {
  uint8_t out[64];
  pl_wire_file_hold m = {.type = PL_CONST_FILE_HOLD, .held = held, .why = why};
  id_of_byte(n, m.id);
  message(PL_CONST_CHAT_CHANNEL, out, pl_wire_file_hold_encode(&m, out, sizeof out));
}

static void saved(uint8_t n) {
  uint8_t out[64];
  pl_wire_file_saved m = {.type = PL_CONST_FILE_SAVED};
  id_of_byte(n, m.id);
  message(PL_CONST_CHAT_CHANNEL, out, pl_wire_file_saved_encode(&m, out, sizeof out));
}

static void data(uint8_t n, uint64_t offset, size_t size) {
  uint8_t bytes[64], out[128];
  pl_wire_file_data m = {.type = PL_CONST_FILE_DATA, .offset = offset, .bytes = {bytes, size}};
  own_fill(bytes, size, (uint8_t)offset);
  id_of_byte(n, m.id);
  message(PL_CONST_FILE_CHANNEL, out, pl_wire_file_data_encode(&m, out, sizeof out));
}

static void end(uint8_t n, uint64_t size) {
  uint8_t out[64];
  pl_wire_file_end m = {.type = PL_CONST_FILE_END, .size = size};
  id_of_byte(n, m.id);
  memcpy(m.sha256, sha, 32);
  message(PL_CONST_FILE_CHANNEL, out, pl_wire_file_end_encode(&m, out, sizeof out));
}

static void say_time(uint8_t n, uint64_t modified_ns) {
  uint8_t out[64];
  pl_wire_file_time m = {.type = PL_CONST_FILE_TIME, .modified_ns = modified_ns};
  id_of_byte(n, m.id);
  message(PL_CONST_CHAT_CHANNEL, out, pl_wire_file_time_encode(&m, out, sizeof out));
}

static void add_with_time(uint8_t n, uint8_t flags, uint64_t size, uint64_t modified_ns, const char *name) {
  json_t *entry = begin_step("add");
  pl_transfer_file file = {.flags = flags, .size = size, .modified_ns = modified_ns};
  id_of_byte(n, file.id);
  file.name = (pl_view){(const uint8_t *)name, strlen(name)};
  file.media_type = (pl_view){(const uint8_t *)"text/plain", 10};
  own_set_hex(entry, "id", file.id, 16);
  own_set_number(entry, "flags", flags);
  set_u64(entry, "size", size);
  if (modified_ns) set_decimal(entry, "modified_ns", modified_ns);
  own_set_text(entry, "name", name);
  own_set_text(entry, "media_type", "text/plain");
  run(entry, &(pl_transfer_event){.type = PL_TRANSFER_ADD, .add = {&file}});
}

static void add(uint8_t n, uint8_t flags, uint64_t size, const char *name) {
  add_with_time(n, flags, size, 0, name);
}

/* Reads the pieces that are wanted, `most` of them at most. A piece of a stream has `stream` bytes. */
static void read_wanted(int most, size_t stream, bool stream_ended) {
  static const uint8_t bytes[PL_CONST_FILE_PIECE_BYTES];
  pl_transfer_want want;
  for (int i = 0; i < most && pl_transfer_next_want(side, &want); i++) {
    bool over = want.end || (stream_ended && i == most - 1);
    json_t *entry = begin_step(over ? "read_end" : "read");
    own_set_hex(entry, "id", want.id, 16);
    set_u64(entry, "offset", want.offset);
    set_u64(entry, "size", over ? 0 : stream ? stream : want.size);
    if (over) own_set_hex(entry, "sha256", sha, 32);
    if (over)
      run(entry, &(pl_transfer_event){.type = PL_TRANSFER_READ_END, .read_end = {&want, sha}});
    else
      run(entry, &(pl_transfer_event){.type = PL_TRANSFER_READ, .read = {&want, {bytes, stream ? stream : want.size}}});
  }
}

static void finish(uint8_t n, uint8_t why) {
  about("finished", PL_TRANSFER_FINISHED, n, 0, why);
}

static void receive_whole(void) {
  begun();
  offer(1, 0, 20, 0, "a.txt");
  data(1, 0, 5); /* not asked for */
  about("accept", PL_TRANSFER_ACCEPT, 1, 0, 0);
  about("ready", PL_TRANSFER_READY, 1, 0, 0);
  data(1, 0, 5);
  data(1, 0, 5);  /* a repetition */
  data(1, 3, 7);  /* partly a repetition */
  data(1, 12, 3); /* something is missing: FILE_GET is said once */
  data(1, 15, 5);
  end(1, 20);
  data(1, 10, 10);
  about("stored", PL_TRANSFER_STORED, 1, 20, 0);
  end(1, 20);
  finish(1, 0);
  offer(1, 0, 20, 0, "a.txt"); /* FILE_SAVED was lost: the owner says it again */
  finish(1, 0);
}

static void receive_again(void) {
  begun();
  offer(1, 0, 20, 0, "a.txt");
  about("accept", PL_TRANSFER_ACCEPT, 1, 0, 0);
  about("ready", PL_TRANSFER_READY, 1, 8, 0); /* stored in an earlier session */
  data(1, 8, 4);
  begun();
  data(1, 12, 4); /* from the session before */
  offer(1, 0, 20, 0, "a.txt");
  data(1, 12, 8);
  begun();
  offer(1, 0, 21, 0, "a.txt"); /* the same id, another file */
}

static void receive_damaged(void) {
  begun();
  for (uint8_t n = 1; n <= 5; n++) {
    offer(n, n == 4 ? PL_CONST_FILE_FLAG_STREAM : 0, n == 5 ? UINT64_MAX : n == 4 ? 0 : 10, 0, "b");
    if (n == 5) break; /* too large */
    about("accept", PL_TRANSFER_ACCEPT, n, 0, 0);
    about("ready", PL_TRANSFER_READY, n, 0, 0);
  }
  data(1, 0, 11); /* more bytes than were offered */
  data(2, 0, 5);
  end(2, 9); /* another size than was offered */
  data(3, 0, 10);
  end(3, 10);
  finish(3, PL_CONST_FILE_DAMAGED); /* the hash is wrong */
  data(4, 0, 10);
  end(4, 9); /* a stream that ends before its last byte */
  data(4, 10, 1);
}

static void receive_holds(void) {
  begun();
  offer(1, 0, 40, 0, "c");
  about("accept", PL_TRANSFER_ACCEPT, 1, 0, 0);
  about("pause", PL_TRANSFER_PAUSE, 1, 0, 0);
  about("ready", PL_TRANSFER_READY, 1, 0, 0); /* FILE_GET is not said while it is paused */
  about("resume", PL_TRANSFER_RESUME, 1, 0, 0);
  data(1, 0, 10);
  about("pause", PL_TRANSFER_PAUSE, 1, 0, 0);
  data(1, 10, 10); /* this was under way */
  about("resume", PL_TRANSFER_RESUME, 1, 0, 0);
  about("store_failed", PL_TRANSFER_STORE_FAILED, 1, 14, PL_CONST_FILE_HELD_DISK_FULL);
  data(1, 20, 10);
  begun();
  offer(1, 0, 40, 0, "c");
  about("room", PL_TRANSFER_ROOM, 1, 0, 0);
  data(1, 14, 26);
  hold(1, 1, PL_CONST_FILE_HELD_BY_PERSON);
  hold(1, 0, PL_CONST_FILE_HELD_BY_PERSON);
  about("store_failed", PL_TRANSFER_STORE_FAILED, 1, 20, PL_CONST_FILE_UNWRITABLE);
}

static void receive_group(void) {
  begun();
  offer(1, 0, 10, 9, "folder/1");
  offer(2, 0, 10, 9, "folder/2");
  offer(4, 0, 10, 8, "other/1");
  about("accept", PL_TRANSFER_ACCEPT, 9, 0, 0);
  offer(3, PL_CONST_FILE_FLAG_FOLDER, 0, 9, "folder/empty");
  finish(3, 0);
  about("stop", PL_TRANSFER_STOP, 8, 0, PL_CONST_FILE_DECLINED);
  about("ready", PL_TRANSFER_READY, 1, 10, 0); /* all of it is stored already */
  stop(9, PL_CONST_FILE_CANCELLED);
  offer(5, 0, 10, 9, "folder/5"); /* the user is asked again */
  stop(77, PL_CONST_FILE_CANCELLED);
}

static void send_whole(void) {
  add(1, 0, 300000, "big");
  begun();
  read_wanted(1, 0, false); /* nothing is wanted yet */
  get(1, 0);
  read_wanted(2, 0, false);
  hold(1, 1, PL_CONST_FILE_HELD_DISK_FULL);
  read_wanted(1, 0, false);
  get(1, 200000); /* there is room again: the sender goes back */
  hold(1, 0, PL_CONST_FILE_HELD_DISK_FULL);
  read_wanted(9, 0, false);
  about("taken", PL_TRANSFER_TAKEN, 1, 300000, 0);
  begun();
  get(1, 300000); /* only FILE_END was lost */
  read_wanted(9, 0, false);
  saved(1);
  saved(1);
  get(1, 0); /* no longer offered */
}

static void send_stops(void) {
  begun();
  add(1, 0, 10, "one");
  add(2, 0, 10, "two");
  add(2, 0, 10, "two");
  add(3, 0, 10, "three");
  get(1, 11); /* beyond its end */
  stop(2, PL_CONST_FILE_DECLINED);
  about("read_failed", PL_TRANSFER_READ_FAILED, 3, 0, PL_CONST_FILE_UNREADABLE);
  add(4, PL_CONST_FILE_FLAG_FOLDER, 0, "four");
  saved(4);
  add(5, 0, 0, "nothing");
  get(5, 0);
  about("pause", PL_TRANSFER_PAUSE, 5, 0, 0);
  read_wanted(1, 0, false);
  about("resume", PL_TRANSFER_RESUME, 5, 0, 0);
  read_wanted(1, 0, false);
}

static void send_stream(void) {
  begun();
  add(1, PL_CONST_FILE_FLAG_STREAM, 0, "tar");
  get(1, 0);
  read_wanted(3, 1000, false);
  about("kept", PL_TRANSFER_KEPT, 1, 1000, 0);
  begun();
  get(1, 2000);
  read_wanted(2, 1000, true);
  get(1, 999); /* no longer kept */
}

/* The peer takes small messages, and then even smaller ones when a piece is already wanted. */
static void send_small(void) {
  begun();
  message_max(PL_TRANSFER_HEAD_BYTES);
  message_max(1000 + PL_TRANSFER_HEAD_BYTES);
  add(1, 0, 2500, "small pieces");
  get(1, 0);
  read_wanted(1, 0, false);
  pl_transfer_want want;
  OWN_CHECK(pl_transfer_next_want(side, &want));
  json_t *entry = begin_step("read_after"); /* the piece is read after the limit has changed */
  own_set_hex(entry, "id", want.id, 16);
  set_u64(entry, "offset", want.offset);
  set_u64(entry, "size", want.size);
  set_u64(entry, "message_max", 300 + PL_TRANSFER_HEAD_BYTES);
  OWN_CHECK(pl_transfer_step(side, &(pl_transfer_event){.type = PL_TRANSFER_MESSAGE_MAX,
                                                        .message_max = {300 + PL_TRANSFER_HEAD_BYTES}}) == 0);
  static const uint8_t bytes[1000];
  run(entry, &(pl_transfer_event){.type = PL_TRANSFER_READ, .read = {&want, {bytes, want.size}}});
  read_wanted(2, 0, false);
  message_max(1 << 20);
  read_wanted(9, 0, false);
}

/* How a file ended is said again in the next session, until the peer has heard it. */
static void last_words(void) {
  begun();
  add(1, 0, 10, "one");
  add(2, 0, 10, "two");
  about("read_failed", PL_TRANSFER_READ_FAILED, 1, 0, PL_CONST_FILE_CHANGED);
  about("stop", PL_TRANSFER_STOP, 2, 0, PL_CONST_FILE_CANCELLED);
  heard(said - 1);
  begun();
  heard(said);
  begun();
  offer(3, 0, 5, 0, "three");
  about("accept", PL_TRANSFER_ACCEPT, 3, 0, 0);
  finish(3, 0);
  begun();
}

/* What is stored from an earlier session is not what was offered. */
static void receive_from_start(void) {
  begun();
  offer(1, 0, 20, 0, "a.txt");
  about("accept", PL_TRANSFER_ACCEPT, 1, 0, 0);
  about("again", PL_TRANSFER_AGAIN, 1, 0, 0); /* refused before READY */
  about("ready", PL_TRANSFER_READY, 1, 20, 0);
  end(1, 20);
  about("again", PL_TRANSFER_AGAIN, 1, 0, 0);
  end(1, 20);
  data(1, 0, 20);
  end(1, 20);
  finish(1, 0);
}

/* Of each file the time counts that came right before its offer, or while it is open. */
static void receive_times(void) {
  begun();
  for (uint8_t n = 1; n <= 5; n++) {
    if (n != 5) say_time(n, 1700000000123456789u + n);
    if (n == 2) say_time(9, 1); /* of a file that is never offered, in place of the one before */
    if (n == 3) begun();        /* what was said before is lost */
    if (n == 4) say_time(n, 0), say_time(n, UINT64_MAX); /* no times */
    offer(n, 0, 0, 0, "t");
    about("accept", PL_TRANSFER_ACCEPT, n, 0, 0);
    about("ready", PL_TRANSFER_READY, n, 0, 0);
    if (n == 5) say_time(n, 5);
    end(n, 0);
  }
}

static void send_times(void) {
  add_with_time(1, 0, 10, INT64_MAX, "one");
  add_with_time(2, PL_CONST_FILE_FLAG_FOLDER, 0, 1, "two");
  add_with_time(3, 0, 10, UINT64_MAX, "three"); /* refused */
  add(4, 0, 10, "four");
  stop(77, PL_CONST_FILE_CANCELLED);
  get(88, 0); /* a last word comes first, never between a time and its offer that follows it */
  begun();
}

static json_t *trace(const char *name, void (*scenario)(void)) {
  json_t *entry = json_object();
  const pl_transfer_sink sink = {.act = act, .send = send_bytes};
  steps = json_array();
  OWN_CHECK(pl_transfer_new(&sink, &side) == 0);
  said = 0;
  scenario();
  pl_transfer_free(side);
  own_set_text(entry, "name", name);
  OWN_CHECK(json_object_set_new(entry, "steps", steps) == 0);
  return entry;
}

json_t *own_transfer(void) {
  json_t *root = json_object(), *traces = json_array();
  own_fill(sha, sizeof sha, 0xa0);
  own_set_text(root, "about",
               "Files. names: what the other side called a file (hex), and the path that is made of it. numbered: a "
               "name that is taken. traces: one side; each step is what happens to it (do), then what it acts, says "
               "on CHAT_CHANNEL and sends on FILE_CHANNEL (the head of a message, and how many bytes of the file "
               "follow). The n-th message that is said has place n. Ids and groups are one byte 16 times.");
  OWN_CHECK(json_object_set_new(root, "names", names()) == 0);
  OWN_CHECK(json_object_set_new(root, "numbered", numbered()) == 0);
  own_append(traces, trace("receive_whole", receive_whole));
  own_append(traces, trace("receive_again", receive_again));
  own_append(traces, trace("receive_damaged", receive_damaged));
  own_append(traces, trace("receive_holds", receive_holds));
  own_append(traces, trace("receive_group", receive_group));
  own_append(traces, trace("send_whole", send_whole));
  own_append(traces, trace("send_stops", send_stops));
  own_append(traces, trace("send_stream", send_stream));
  own_append(traces, trace("send_small", send_small));
  own_append(traces, trace("last_words", last_words));
  own_append(traces, trace("receive_from_start", receive_from_start));
  own_append(traces, trace("receive_times", receive_times));
  own_append(traces, trace("send_times", send_times));
  OWN_CHECK(json_object_set_new(root, "traces", traces) == 0);
  return root;
}
