/* The page that people open, from inside the program: which file, in which compression, with which headers. */
#ifndef PL_SHELL_PAGES_H
#define PL_SHELL_PAGES_H

#include "../core/relay.h"

/* Hashes the files, once at the start. tls: all listeners speak it. */
void pl_pages_init(bool tls);
/* These answer as pl_relay_hooks.page does. */
int pl_pages_get(const pl_relay_http_request *request, pl_relay_page *page);
int pl_pages_health(const pl_relay_http_request *request, pl_relay_page *page, bool store_works);

#endif
