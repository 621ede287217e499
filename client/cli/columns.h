/* How many columns of a terminal a text takes. Pure but for the C library's table of characters. */
#ifndef PL_CLI_COLUMNS_H
#define PL_CLI_COLUMNS_H

#include <stddef.h>

/* Returns the bytes of the character that `text` starts with and stores its columns (0 to 2): 2 for wide East Asian
 * letters and most pictures, 0 for combining marks. A byte that is not UTF-8 counts as one column. `text` is not "". */
size_t columns_of_character(const char *text, unsigned *columns);
/* Returns the columns of the whole text. */
unsigned columns_of(const char *text);

#endif
