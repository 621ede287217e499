/* Draws a QR code in a terminal: two of its rows in each line, dark on light whatever the colours of the terminal. */
#ifndef PL_CLI_QR_H
#define PL_CLI_QR_H

#include <stdbool.h>
#include <stdio.h>

/* Returns false, and prints nothing, when the text does not fit into a QR code, or the code into these columns and
 * rows.
 */
bool qr_print(FILE *out, const char *text, int columns, int rows);
/* Prints it to stderr if that is a terminal with room for all of it and for `other_rows` rows around it. Returns
 * whether it was printed. */
bool qr_show(const char *text, int other_rows);

#endif
