/* The database file, for the store and for the commands that change it while a relay runs. */
#ifndef PL_SHELL_STORE_DATABASE_H
#define PL_SHELL_STORE_DATABASE_H

#include <sqlite3.h>
#include <stdbool.h>

/* Opens or creates the database, readable by its owner only, and brings it to this version. Returns NULL after an
 * error; `why` says the reason. */
sqlite3 *pl_store_database(const char *path, char why[512]);
/* Opens a second connection to that file, which only reads and waits for no writer. */
sqlite3 *pl_store_reader(const char *path, char why[512]);
enum { PL_STORE_WHY = 256 };
/* Writes why the last call on db failed, and returns `out`. db may be NULL after memory ran out. */
const char *pl_store_why(sqlite3 *db, char out[PL_STORE_WHY]);
/* Writes the file's name and the same text into `why`, and returns false. */
bool pl_store_cannot(sqlite3 *db, const char *path, char why[512]);
/* Executes SQL without results. Returns false after an error. */
bool pl_store_run(sqlite3 *db, const char *sql);
/* Checks that the database can be written, by writing a value that is already there. Returns false when it cannot;
 * sqlite3_errmsg says why. */
bool pl_store_probe(sqlite3 *db);

#endif
