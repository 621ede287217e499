/* The page that people open, from inside the program: which file, in which compression, with which headers. */
#ifndef PL_SHELL_PAGES_H
#define PL_SHELL_PAGES_H

#include "../core/relay.h"

/* Hashes the files, once at the start. */
void pl_pages_init(void);
/* As pl_relay_hooks.page. */
int pl_pages_get(void *user, const pl_http_request *request, pl_page *page);

#endif
