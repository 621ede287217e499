/* See tokens.h. A relay may use the database at the same time: a change takes effect at the next login. A token is
 * shown only once; the database has its SHA-256. */
#include "tokens.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "../core/relay.h"
#include "shell.h"
#include "store_database.h"

enum { TOKEN_BYTES = 16, HINT_CHARS = 2 * PL_TOKEN_HINT_BYTES };

static int token_failed(sqlite3 *db) {
  fprintf(stderr, "pairlink-relay: the database cannot be used: %s\n", sqlite3_errmsg(db));
  return PL_EXIT_BROKEN;
}

static int new_token(sqlite3 *db, uint32_t uses, uint32_t days) {
  uint8_t bytes[TOKEN_BYTES], key[32], hint[PL_TOKEN_HINT_BYTES];
  char token[2 * TOKEN_BYTES + 1], name[HINT_CHARS + 1];
  sqlite3_stmt *insert = NULL;
  randombytes_buf(bytes, sizeof bytes);
  sodium_bin2hex(token, sizeof token, bytes, sizeof bytes);
  crypto_hash_sha256(key, (const uint8_t *)token, strlen(token));
  pl_token_hint(hint, key);
  sodium_bin2hex(name, sizeof name, hint, sizeof hint);
  sqlite3_prepare_v2(db, "INSERT INTO tokens (hint, key, uses_left, expires) VALUES (?1, ?2, ?3, ?4)", -1, &insert,
                     NULL);
  sqlite3_bind_blob(insert, 1, hint, sizeof hint, SQLITE_STATIC);
  sqlite3_bind_blob(insert, 2, key, sizeof key, SQLITE_STATIC);
  sqlite3_bind_int64(insert, 3, uses);
  sqlite3_bind_int64(insert, 4, (int64_t)time(NULL) + (int64_t)days * PL_DAY_S);
  int rc = sqlite3_step(insert);
  sqlite3_finalize(insert);
  if (rc != SQLITE_DONE) return token_failed(db);
  printf("token %s\nhint %s, for %u new ID%s within %u day%s; the token is not shown again\n", token, name, uses,
         uses == 1 ? "" : "s", days, days == 1 ? "" : "s");
  sodium_memzero(token, sizeof token);
  return 0;
}

static int list_tokens(sqlite3 *db) {
  sqlite3_stmt *select = NULL;
  int rc =
      sqlite3_prepare_v2(db,
                         "SELECT lower(hex(hint)), uses_left, datetime(expires, 'unixepoch'), revoked, expires <= ?1 "
                         "FROM tokens ORDER BY expires",
                         -1, &select, NULL);
  sqlite3_bind_int64(select, 1, time(NULL));
  printf("%-16s  %9s  %-19s  STATE\n", "HINT", "USES LEFT", "EXPIRES (UTC)");
  while (rc == SQLITE_OK && (rc = sqlite3_step(select)) == SQLITE_ROW) {
    const char *state = sqlite3_column_int(select, 3)      ? "revoked"
                        : sqlite3_column_int(select, 4)    ? "expired"
                        : !sqlite3_column_int64(select, 1) ? "used up"
                                                           : "good";
    printf("%s  %9lld  %s  %s\n", (const char *)sqlite3_column_text(select, 0),
           (long long)sqlite3_column_int64(select, 1), (const char *)sqlite3_column_text(select, 2), state);
    rc = SQLITE_OK;
  }
  sqlite3_finalize(select);
  return rc == SQLITE_DONE ? 0 : token_failed(db);
}

static int revoke_token(sqlite3 *db, const char *hint) {
  uint8_t bytes[PL_TOKEN_HINT_BYTES];
  size_t size = 0;
  sqlite3_stmt *update = NULL;
  if (!hint || strlen(hint) != HINT_CHARS ||
      sodium_hex2bin(bytes, sizeof bytes, hint, HINT_CHARS, NULL, &size, NULL) != 0 || size != sizeof bytes) {
    fprintf(stderr, "pairlink-relay: token revoke takes a hint of 16 hexadecimal digits; see token list\n");
    return PL_EXIT_USAGE;
  }
  sqlite3_prepare_v2(db, "UPDATE tokens SET revoked = 1 WHERE hint = ?1", -1, &update, NULL);
  sqlite3_bind_blob(update, 1, bytes, sizeof bytes, SQLITE_STATIC);
  int rc = sqlite3_step(update);
  sqlite3_finalize(update);
  if (rc != SQLITE_DONE) return token_failed(db);
  if (sqlite3_changes(db) == 1) return 0;
  fprintf(stderr, "pairlink-relay: there is no token with the hint %s; see token list\n", hint);
  return PL_EXIT_BROKEN;
}

int pl_tokens_command(const char *database, const char *const arguments[2], uint32_t uses, uint32_t days) {
  char why[512];
  const char *verb = arguments[0] ? arguments[0] : "";
  bool is_new = strcmp(verb, "new") == 0, is_list = strcmp(verb, "list") == 0, is_revoke = strcmp(verb, "revoke") == 0;
  if (!is_new && !is_list && !is_revoke) {
    fprintf(stderr, "pairlink-relay: use token new [--uses N] [--days N], token list or token revoke HINT\n");
    return PL_EXIT_USAGE;
  }
  sqlite3 *db = pl_store_database(database, why);
  if (!db) {
    fprintf(stderr, "pairlink-relay: %s\n", why);
    return PL_EXIT_BROKEN;
  }
  int code = is_new ? new_token(db, uses, days) : is_list ? list_tokens(db) : revoke_token(db, arguments[1]);
  sqlite3_close(db);
  return code;
}
