#include "qr.h"

#include <qrencode.h>
#include <stdlib.h>
#include <string.h>

#include "ui.h"

enum { MARGIN = 2, INDENT = 2 };

static bool is_dark(const QRcode *code, int x, int y) {
  x -= MARGIN;
  y -= MARGIN;
  return x >= 0 && y >= 0 && x < code->width && y < code->width && (code->data[y * code->width + x] & 1);
}

bool qr_print(FILE *out, const char *text, int columns, int rows) {
  static const char *const halves[] = {" ", "▀", "▄", "█"};
  QRcode *code = QRcode_encodeString8bit(text, 0, QR_ECLEVEL_L);
  if (!code) return false;
  int size = code->width + 2 * MARGIN;
  bool fits = size + INDENT <= columns && (size + 1) / 2 <= rows;
  for (int y = 0; fits && y < size; y += 2) {
    fprintf(out, "%*s\033[30;107m", INDENT, ""); /* black on white, also with NO_COLOR: a camera needs it */
    for (int x = 0; x < size; x++) fputs(halves[is_dark(code, x, y) + 2 * is_dark(code, x, y + 1)], out);
    fputs("\033[0m\n", out);
  }
  QRcode_free(code);
  return fits;
}

bool qr_show(const char *text, int other_rows) {
  const char *term = getenv("TERM");
  bool can_draw = term && strcmp(term, "dumb") != 0;
  return can_draw && qr_print(stderr, text, ui_columns(), ui_rows() - other_rows);
}
