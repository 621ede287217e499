/* Makes names that a peer gave safe. Each byte that is not part of valid UTF-8 is replaced separately, so that every
 * implementation makes the same name. */
#include <string.h>

#include "transfer.h"

static bool name_same_letter(char lower, char any) {
  return (uint8_t)lower == pl_ascii_lower((uint8_t)any);
}

static bool name_is_forbidden(uint32_t c) {
  bool control = c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x2028 || c == 0x2029;
  bool direction =
      c == 0x061c || c == 0x200e || c == 0x200f || (c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069);
  return control || direction || (c < 0x80 && strchr("<>:\"|?*", (int)c));
}

/* Characters that show nothing are removed, so that a name is what it looks like. web/client/core/transfer/name.js has
 * the same ranges; schema/vectors/transfer.json tests both. */
static bool name_is_invisible(uint32_t c) {
  static const uint32_t ranges[][2] = {
      {0x00ad, 0x00ad}, {0x034f, 0x034f}, {0x115f, 0x1160},   {0x17b4, 0x17b5},   {0x180b, 0x180f},   {0x200b, 0x200d},
      {0x2060, 0x2065}, {0x206a, 0x206f}, {0x2800, 0x2800},   {0x3164, 0x3164},   {0xfe00, 0xfe0f},   {0xfeff, 0xfeff},
      {0xffa0, 0xffa0}, {0xfff0, 0xfffb}, {0x1bca0, 0x1bca3}, {0x1d173, 0x1d17a}, {0xe0000, 0xe0fff},
  };
  for (size_t i = 0; i < PL_ARRAY_LENGTH(ranges); i++)
    if (c >= ranges[i][0] && c <= ranges[i][1]) return true;
  return false;
}

/* CON, con.txt, "com1 .x": names that some systems reserve for devices. */
static bool name_is_reserved(const char *part, size_t size) {
  static const char *const words[] = {"con", "prn", "aux", "nul", "conin$", "conout$"};
  static const char *const numbered[] = {"com", "lpt"};
  const char *dot = memchr(part, '.', size);
  if (dot) size = (size_t)(dot - part);
  while (size && part[size - 1] == ' ') size--;
  for (size_t w = 0; w < PL_ARRAY_LENGTH(words); w++) {
    size_t i = 0;
    if (strlen(words[w]) != size) continue;
    while (i < size && name_same_letter(words[w][i], part[i])) i++;
    if (i == size) return true;
  }
  for (size_t w = 0; w < PL_ARRAY_LENGTH(numbered); w++) {
    bool number = size == 4 && pl_ascii_is_digit((uint8_t)part[3]);
    number |= size == 5 && (memcmp(part + 3, "\xc2\xb9", 2) == 0 || memcmp(part + 3, "\xc2\xb2", 2) == 0 ||
                            memcmp(part + 3, "\xc2\xb3", 2) == 0);
    if (number && name_same_letter(numbered[w][0], part[0]) && name_same_letter(numbered[w][1], part[1]) &&
        name_same_letter(numbered[w][2], part[2]))
      return true;
  }
  return false;
}

/* Copies the characters of a part that may be in a name. Returns the bytes written. */
static size_t name_copy_visible(const uint8_t *part, size_t size, char *out) {
  size_t used = 0;
  for (size_t at = 0; at < size;) {
    uint32_t value = 0;
    size_t n = pl_utf8_read(part + at, size - at, &value);
    bool bad = n == 0 || name_is_forbidden(value);
    if (!bad && name_is_invisible(value)) {
      at += n;
      continue;
    }
    if (used + (bad ? 1 : n) > PL_TRANSFER_PART_MAX) break;
    if (bad)
      out[used++] = '_';
    else
      memcpy(out + used, part + at, n), used += n;
    at += n ? n : 1;
  }
  return used;
}

/* Writes one part: at most PL_TRANSFER_PART_MAX bytes, and one before them. Returns its length, or 0 for a part that is
 * dropped. */
static size_t name_safe_part(const uint8_t *part, size_t size, bool keep_hidden, char *out) {
  char *text = out + 1; /* leaves room for the byte that may be put before it */
  size_t used = name_copy_visible(part, size, text);
  if (used == 0 || (used == 1 && text[0] == '.') || (used == 2 && memcmp(text, "..", 2) == 0)) return 0;
  for (size_t i = used; i > 0 && (text[i - 1] == '.' || text[i - 1] == ' '); i--) text[i - 1] = '_';
  if (text[0] == '.' && !keep_hidden) text[0] = '_'; /* no hidden file, and no settings of a program */
  if (text[0] == '-') text[0] = '_';                 /* not an option when a program is given all names of a folder */
  if (name_is_reserved(text, used)) {
    out[0] = '_';
    return used + 1;
  }
  memmove(out, text, used);
  return used;
}

size_t pl_transfer_safe_name(pl_view name, bool keep_hidden, char out[PL_TRANSFER_NAME_MAX]) {
  size_t used = 0, at = 0;
  while (at < name.size) {
    size_t end = at;
    while (end < name.size && name.data[end] != '/' && name.data[end] != '\\') end++;
    if (used + PL_TRANSFER_PART_MAX + 4 > PL_TRANSFER_NAME_MAX) break;
    bool keep = keep_hidden && used > 0;
    size_t n = name_safe_part(name.data + at, end - at, keep, out + used + (used > 0));
    if (n && used) out[used] = '/';
    if (n) used += n + (used > 0);
    at = end + 1;
  }
  if (used == 0) {
    memcpy(out, "file", 4);
    used = 4;
  }
  out[used] = '\0';
  return used;
}

bool pl_transfer_numbered_name(const char *part, unsigned n, char *out, size_t size) {
  char number[16];
  size_t digits = 0, length = strlen(part), stem = length;
  const char *dot = strrchr(part, '.');
  if (dot && dot != part) stem = (size_t)(dot - part);
  for (unsigned rest = n; digits == 0 || rest; rest /= 10) number[digits++] = (char)('0' + rest % 10);
  if (length + digits + 4 > size) return false;
  memcpy(out, part, stem);
  out += stem;
  memcpy(out, " (", 2);
  out += 2;
  while (digits) *out++ = number[--digits];
  *out++ = ')';
  memcpy(out, part + stem, length - stem + 1);
  return true;
}
