/* Files inside the program: the page's, and the database's migrations. Made by the build (embed.cmake). */
#ifndef PL_SHELL_EMBEDDED_H
#define PL_SHELL_EMBEDDED_H

#include <stddef.h>

typedef struct pl_embedded {
  const char *name; /* "index.html", "index.html.br"; of a migration "0001_….sql" */
  const unsigned char *data;
  size_t size;
} pl_embedded;

extern const pl_embedded pl_embedded_pages[];
extern const size_t pl_embedded_page_count;
/* Number n brings the database from version n - 1 to n. */
extern const pl_embedded pl_embedded_migrations[];
extern const size_t pl_embedded_migration_count;

#endif
