/* Serves the page that people open, which is inside the program: which file, in which compression, with which headers.
 */
#ifndef PL_SHELL_PAGES_H
#define PL_SHELL_PAGES_H

#include "../core/relay.h"

/* Hashes the files. Call this once at the start. tls: the listeners use TLS. */
void pl_pages_init(bool tls);
/* Both return what pl_relay_hooks.page returns. */
int pl_pages_get(const pl_relay_http_request *request, pl_relay_page *page);
int pl_pages_health(const pl_relay_http_request *request, pl_relay_page *page, bool store_works);

#endif
