/* The relay's command line. */
#ifndef PL_SHELL_OPTIONS_H
#define PL_SHELL_OPTIONS_H

#include "../core/relay.h"

enum { PL_OPTION_LIST_MAX = 16 };

typedef struct pl_options {
  const char *listen[PL_OPTION_LIST_MAX];
  size_t listen_count;
  const char *origins[PL_OPTION_LIST_MAX + 1];     /* ended by NULL */
  const char *public_urls[PL_OPTION_LIST_MAX + 1]; /* ended by NULL */
  pl_relay_cidr trusted[PL_OPTION_LIST_MAX];
  size_t trusted_count;
  char alternatives[1021]; /* one per line */
  const char *data, *tls_cert, *tls_key;
  int admission;
  unsigned workers;       /* 0: as many as cores */
  const char *command[3]; /* "token", its verb, its hint; command[0] is NULL to run the relay */
  uint32_t token_uses, token_days;
  uint32_t settings[PL_RELAY_SETTINGS];
} pl_options;

/* Reads the command line. When something is wrong, prints a message and exits with PL_EXIT_USAGE. */
void pl_options_parse(pl_options *options, int argc, char **argv);

#endif
