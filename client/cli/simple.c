/* Commands that need no relay: id, forget. */
#include <argp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

static int parse_nothing(const char *doc, int argc, char **argv) {
  const struct argp parser = {.doc = doc};
  command_parse(&parser, argc, argv, NULL);
  return 0;
}

int command_id(const cli *c, int argc, char **argv) {
  char id[PAIRLINK_ID_CHARS + 1], why[512];
  int usage = parse_nothing("Prints your ID, alone on a line. Makes the identity if there is none yet. Needs no relay.",
                            argc, argv);
  if (usage) return usage;
  int error = pairlink_identity_read(c->identity, id, why, sizeof why);
  if (error) return ui_fail("no identity", error, why);
  if (printf("%s\n", id) < 0 || fflush(stdout) != 0) {
    ui_error("the ID cannot be written to stdout", NULL, NULL);
    return EXIT_IO;
  }
  return EXIT_OK;
}

int command_forget(const cli *c, int argc, char **argv) {
  int usage = parse_nothing(
      "Forgets the ID that is pinned for the relay given with --relay. A relay that suddenly shows another ID may be "
      "another relay: ask who runs it first.",
      argc, argv);
  if (usage) return usage;
  const char *relay = c->relay ? c->relay : getenv("PAIRLINK_RELAY");
  if (!relay || !*relay) {
    ui_error("which relay?", NULL, "pairlink --relay URL forget");
    return EXIT_USAGE;
  }
  int result = pairlink_relay_forget(relay, NULL);
  if (result < 0) return ui_fail("the relay is not forgotten", result, NULL);
  ui_say(result ? "Forgotten. The ID that the relay shows next will be remembered." : "No ID was remembered for it.");
  return EXIT_OK;
}
