/* What every command is given: the options of the whole program.
 *
 * Output rule of all commands: what a person reads goes to stderr (ui.h), what a program reads goes to stdout. */
#ifndef PL_CLI_CLI_H
#define PL_CLI_CLI_H

#include <pairlink.h>
#include <stdbool.h>

#include "exit_code.h"
#include "ui.h"

typedef struct cli {
  const char *relay;         /* from --relay, or NULL */
  const char *default_relay; /* used when neither --relay nor a link or contact names a relay; never NULL */
  bool default_is_built_in;  /* default_relay is not from PAIRLINK_RELAY */
  const char *identity, *ca, *token;
  const char *name;      /* from --name: shown to others this time; NULL: the stored name is shown */
  unsigned relay_wait_s; /* how long to try a relay that was never reached; 0: without limit */
  bool verbose;
} cli;

#endif
