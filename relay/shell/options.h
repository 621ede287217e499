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
  char alternatives[1021]; /* a line each */
  const char *data, *tls_cert, *tls_key;
  int admission;
  unsigned workers;       /* 0: as many as there are cores */
  const char *command[3]; /* "token", what to do, to which; NULL: run the relay */
  uint32_t token_uses, token_days;
  uint32_t settings[PL_RELAY_SETTINGS];
} pl_options;

/* Ends the program with a message and code 2 when something is wrong. */
void pl_options_parse(pl_options *options, int argc, char **argv);

#endif
