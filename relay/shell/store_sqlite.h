/* The database file itself, for the store and for the commands that change it while a relay runs. */
#ifndef PL_SHELL_STORE_SQLITE_H
#define PL_SHELL_STORE_SQLITE_H

#include <sqlite3.h>
#include <stdbool.h>

/* Opens or makes it, readable by its owner alone, and brings it up to this version. NULL: the reason is in `why`. */
sqlite3 *pl_store_database(const char *path, char why[512]);
/* A second connection to the same file, after that: it reads, and waits for no writer. */
sqlite3 *pl_store_reader(const char *path, char why[512]);
bool pl_store_run(sqlite3 *db, const char *sql);
/* Writes what is there anyway. False: nothing can be stored now; sqlite3_errmsg says why. */
bool pl_store_probe(sqlite3 *db);

#endif
