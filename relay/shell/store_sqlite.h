/* The database file itself, for the store and for the commands that change it while a relay runs. */
#ifndef PL_SHELL_STORE_SQLITE_H
#define PL_SHELL_STORE_SQLITE_H

#include <sqlite3.h>

/* Opens or makes it and brings it up to this version. NULL: the reason is in `why`. */
sqlite3 *pl_store_database(const char *path, char why[512]);

#endif
