/* The data folder: what is in it gives away who the relay is and who may log in, so it is its user's alone. */
#ifndef PL_SHELL_FOLDER_H
#define PL_SHELL_FOLDER_H

#include <stdbool.h>
#include <stddef.h>

enum { PL_FOLDER_WHY = 1024 };

/* Makes the folder if it is missing. False: it cannot be used, or others may change what is in it; the reason and what
 * to do are in `why`. as_command: root may also work on the folder of another user. */
bool pl_folder_open(const char *data, bool as_command, char why[PL_FOLDER_WHY]);
/* Takes the folder for this process until it ends, so that no second relay works on it. False: see `why`. */
bool pl_folder_lock(const char *data, char why[PL_FOLDER_WHY]);

#endif
