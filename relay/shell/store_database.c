/* Creates or opens the database file, makes it private, and brings it to this version. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../core/relay.h"
#include "embedded.h"
#include "log.h"
#include "shell.h"
#include "store_database.h"

enum { BUSY_MS = 3000 };

bool pl_store_run(sqlite3 *db, const char *sql) {
  return sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK;
}

bool pl_store_probe(sqlite3 *db) {
  char text[64];
  snprintf(text, sizeof text, "PRAGMA user_version = %zu", pl_embedded_migration_count);
  return pl_store_run(db, text);
}

/* ---- private files ----------------------------------------------------------------------------------------------- */

/* Makes an existing file private, which an older relay may have created. Uses the name rather than a descriptor,
 * because closing any descriptor of the database would release all of SQLite's locks on it in this process. */
static bool hide_from_others(const char *path) {
  struct stat about;
  if (stat(path, &about) != 0) return errno == ENOENT;
  return !(about.st_mode & 077) || chmod(path, 0600) == 0;
}

/* SQLite creates the other two files with the mode of the first. A dangling link is not followed. */
static bool make_private(const char *path, char why[512]) {
  const char *endings[] = {"", "-wal", "-shm"};
  char name[PL_PATH_BYTES];
  struct stat about;
  int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd >= 0) close(fd);
  bool good = fd >= 0 || (errno == EEXIST && access(path, F_OK) == 0);
  for (size_t i = 0; good && i < PL_ARRAY_LENGTH(endings); i++)
    good = (size_t)snprintf(name, sizeof name, "%s%s", path, endings[i]) < sizeof name && hide_from_others(name);
  bool dangling = fd < 0 && !good && errno == ENOENT && lstat(path, &about) == 0;
  if (!good) snprintf(why, 512, "%.400s: %.100s", path, dangling ? "a symbolic link to nothing" : strerror(errno));
  return good;
}

/* ---- opening ----------------------------------------------------------------------------------------------------- */

static int version_of(sqlite3 *db) {
  sqlite3_stmt *statement = NULL;
  int version = -1;
  if (sqlite3_prepare_v2(db, "PRAGMA user_version", -1, &statement, NULL) == SQLITE_OK &&
      sqlite3_step(statement) == SQLITE_ROW)
    version = sqlite3_column_int(statement, 0);
  sqlite3_finalize(statement);
  return version;
}

const char *pl_store_why(sqlite3 *db, char out[PL_STORE_WHY]) {
  int error = db ? sqlite3_system_errno(db) : 0;
  bool from_system = db && sqlite3_errcode(db) == SQLITE_IOERR && error; /* "disk I/O error" alone says too little */
  snprintf(out, PL_STORE_WHY, "%.150s%s%.80s%s", db ? sqlite3_errmsg(db) : "out of memory", from_system ? " (" : "",
           from_system ? strerror(error) : "", from_system ? ")" : "");
  return out;
}

bool pl_store_cannot(sqlite3 *db, const char *path, char why[512]) {
  char text[PL_STORE_WHY];
  snprintf(why, 512, "%.250s: %s", path, pl_store_why(db, text));
  return false;
}

static bool migrate(sqlite3 *db, int from, const char *path, char why[512]) {
  for (int v = from; v < (int)pl_embedded_migration_count; v++) {
    char text[64];
    snprintf(text, sizeof text, "PRAGMA user_version = %d; COMMIT;", v + 1);
    if (!pl_store_run(db, "BEGIN IMMEDIATE")) return pl_store_cannot(db, path, why);
    const pl_embedded *m = &pl_embedded_migrations[v];
    char *sql = sqlite3_mprintf("%.*s", (int)m->size, (const char *)m->data);
    bool good = sql && pl_store_run(db, sql) && pl_store_run(db, text);
    sqlite3_free(sql);
    if (!good) {
      (void)pl_store_cannot(db, path, why); /* before the rollback changes the error text */
      pl_store_run(db, "ROLLBACK");
      return false;
    }
    pl_log_write(PL_RELAY_LOG_INFO, "event=migrated version=%d", v + 1);
  }
  return true;
}

static sqlite3 *database_open(const char *path) {
  sqlite3 *db = NULL;
  if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL) == SQLITE_OK) sqlite3_busy_timeout(db, BUSY_MS);
  return db;
}

static bool bring_up(sqlite3 *db, const char *path, char why[512]) {
  int version = db ? version_of(db) : -1;
  if (version > (int)pl_embedded_migration_count) {
    snprintf(
        why, 512,
        "%s: its version %d is newer than this program's version %zu; run the newer program, or name another --data",
        path, version, pl_embedded_migration_count);
    return false;
  }
  if (version < 0 || !pl_store_run(db, "PRAGMA journal_mode = WAL") || !pl_store_run(db, "PRAGMA synchronous = FULL"))
    return pl_store_cannot(db, path, why);
  return migrate(db, version, path, why);
}

sqlite3 *pl_store_database(const char *path, char why[512]) {
  if (!make_private(path, why)) return NULL;
  sqlite3 *db = database_open(path);
  if (bring_up(db, path, why)) return db;
  sqlite3_close(db);
  return NULL;
}

sqlite3 *pl_store_reader(const char *path, char why[512]) {
  sqlite3 *db = database_open(path);
  if (db && version_of(db) >= 0 && pl_store_run(db, "PRAGMA query_only = 1")) return db;
  (void)pl_store_cannot(db, path, why);
  sqlite3_close(db);
  return NULL;
}
