/* Files inside the program: the page and the database's migrations. The build generates the data (embed.cmake). */
#ifndef PL_SHELL_EMBEDDED_H
#define PL_SHELL_EMBEDDED_H

#include <stddef.h>

typedef struct pl_embedded {
  const char *name; /* such as "index.html", "index.html.br" or, for a migration, "0001_….sql" */
  const unsigned char *data;
  size_t size;
} pl_embedded;

extern const pl_embedded pl_embedded_pages[];
extern const size_t pl_embedded_page_count;
/* The migration at index n brings the database from version n to n + 1. */
extern const pl_embedded pl_embedded_migrations[];
extern const size_t pl_embedded_migration_count;

#endif
