#include "columns.h"

#include <locale.h>
#include <string.h>
#include <wchar.h>

size_t columns_of_character(const char *text, unsigned *columns) {
  static locale_t utf8;
  mbstate_t state = {0};
  wchar_t wide;
  if (!utf8) utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", NULL);
  locale_t before = uselocale(utf8); /* (locale_t)0, when there is no such locale, changes nothing */
  size_t size = mbrtowc(&wide, text, strlen(text), &state);
  int width = size && size <= 4 ? wcwidth(wide) : -1;
  (void)uselocale(before);
  *columns = width < 0 ? 1 : (unsigned)width;
  return width < 0 ? 1 : size;
}

unsigned columns_of(const char *text) {
  unsigned sum = 0, one;
  while (*text) {
    text += columns_of_character(text, &one);
    sum += one;
  }
  return sum;
}
