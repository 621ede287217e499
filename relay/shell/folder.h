/* The data folder. It holds the relay's key and who may log in, so only its user may have access. */
#ifndef PL_SHELL_FOLDER_H
#define PL_SHELL_FOLDER_H

#include <stdbool.h>
#include <stddef.h>

enum { PL_FOLDER_WHY = 1024 };

/* Creates the folder if it is missing. Returns false when it cannot be used or others may change what is in it; `why`
 * then says the reason and what to do. as_command: root may also work on the folder of another user. */
bool pl_folder_open(const char *data, bool as_command, char why[PL_FOLDER_WHY]);
/* Locks the folder until this process ends, so that no second relay uses it. Returns false when that failed; `why` says
 * the reason. */
bool pl_folder_lock(const char *data, char why[PL_FOLDER_WHY]);

#endif
