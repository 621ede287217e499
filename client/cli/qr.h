/* A QR code in a terminal: two rows of it a line, dark on light whatever the terminal's colours are. */
#ifndef PL_CLI_QR_H
#define PL_CLI_QR_H

#include <stdbool.h>
#include <stdio.h>

/* Returns false, and prints nothing, when the text does not fit into a code, or the code into these columns and rows.
 */
bool qr_print(FILE *out, const char *text, int columns, int rows);
/* To stderr, if that is a terminal that can show all of it and `beside` more rows. */
bool qr_show(const char *text, int beside);

#endif
