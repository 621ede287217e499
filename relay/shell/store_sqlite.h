/* The database file itself, for the store and for the commands that change it while a relay runs. */
#ifndef PL_SHELL_STORE_SQLITE_H
#define PL_SHELL_STORE_SQLITE_H

#include <sqlite3.h>
#include <stdbool.h>

/* Opens or makes it, readable by its owner alone, and brings it up to this version. NULL: the reason is in `why`. */
sqlite3 *pl_store_database(const char *path, char why[512]);
/* A second connection to the same file, after that: it reads, and waits for no writer. */
sqlite3 *pl_store_reader(const char *path, char why[512]);
/* Why the last call on it failed, in words. Returns `out`. db is NULL when there was no memory for it. */
enum { PL_STORE_WHY = 256 };
const char *pl_store_why(sqlite3 *db, char out[PL_STORE_WHY]);
/* Puts the same after the file's name into `why`. Returns false. */
bool pl_store_cannot(sqlite3 *db, const char *path, char why[512]);
bool pl_store_run(sqlite3 *db, const char *sql);
/* Writes what is there anyway. False: nothing can be stored now; sqlite3_errmsg says why. */
bool pl_store_probe(sqlite3 *db);

#endif
