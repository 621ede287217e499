/* Commands that need no relay: `pairlink id` and `pairlink forget`. */
#include <stdio.h>
#include <stdlib.h>

#include "command.h"

static int id_run(const cli *c, int argc, char **argv) {
  char id[PAIRLINK_ID_CHARS + 1], why[512];
  command_parse(&command_id, argc, argv, NULL);
  int error = pairlink_identity_read(c->identity, id, why, sizeof why);
  if (error) return ui_fail("cannot read or create the identity", error, why);
  if (printf("%s\n", id) < 0 || fflush(stdout) != 0) {
    ui_error("the ID cannot be written to stdout", NULL, NULL);
    return EXIT_IO;
  }
  return EXIT_OK;
}

const command command_id = {
    .name = "id",
    .arguments = "",
    .summary = "print your ID; needs no relay",
    .run = id_run,
    .argp = {.doc = "Prints your ID, alone on a line. Creates your identity if there is none yet. Needs no relay."}};

static int forget_relay_run(const cli *c, int argc, char **argv) {
  command_parse(&command_forget, argc, argv, NULL);
  const char *relay = c->relay ? c->relay : getenv("PAIRLINK_RELAY");
  if (!relay || !*relay) {
    ui_error("which relay?", NULL, "pairlink forget --relay URL");
    return EXIT_USAGE;
  }
  int result = pairlink_relay_forget(relay, NULL);
  if (result < 0) return ui_fail("cannot forget the relay", result, NULL);
  ui_say(result ? "Forgotten. The next ID that this relay shows will be remembered."
                : "No ID was remembered for this relay.");
  return EXIT_OK;
}

const command command_forget = {
    .name = "forget",
    .arguments = "",
    .summary = "forget the remembered ID of a relay",
    .run = forget_relay_run,
    .argp = {.doc = "Forgets the ID that is remembered for the relay given with --relay. A relay that suddenly shows "
                    "another ID may be a different relay: ask its operator first."}};
