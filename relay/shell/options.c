#include "options.h"

#include <argp.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "shell.h"

enum {
  KEY_LISTEN = 'l',
  KEY_DATA = 'd',
  KEY_CERT = 256,
  KEY_KEY,
  KEY_ORIGIN,
  KEY_URL,
  KEY_LIMIT,
  KEY_WORKERS,
  KEY_PING,
  KEY_DEAD,
  KEY_ADMISSION,
  KEY_ALTERNATIVE,
  KEY_PROXY,
  KEY_USES,
  KEY_DAYS,
  KEY_LOG
};

/* libc looks this name up, so it must be visible. */
__attribute__((visibility("default"))) const char *argp_program_version = "pairlink-relay " PAIRLINK_VERSION;

static const struct argp_option table[] = {
    {"listen", KEY_LISTEN, "HOST:PORT", 0,
     "Listen here; may be repeated. With port 0 the system chooses one. Default: 127.0.0.1:8787 and [::1]:8787", 0},
    {"data", KEY_DATA, "DIR", 0, "Folder with the relay's key and database; created if missing (default: ./data)", 0},
    {"tls-cert", KEY_CERT, "FILE", 0, "Certificate chain (PEM); all listeners then use TLS", 1},
    {"tls-key", KEY_KEY, "FILE", 0, "The certificate's private key (PEM)", 1},
    {"origin", KEY_ORIGIN, "URL", 0,
     "Let pages of this origin connect as well as the relay's own page; may be repeated", 2},
    {"public-url", KEY_URL, "URL", 0, "Admit only clients that connect to this origin; may be repeated. Default: any",
     2},
    {"alternative", KEY_ALTERNATIVE, "URL", 0,
     "Send clients here when this relay stops: the ws:// or wss:// address of another relay with the same key; may be "
     "repeated",
     2},
    {"admission", KEY_ADMISSION, "open|invite|closed", 0,
     "Who may log in. open: everyone; invite: new IDs need a token; closed: only IDs that are already registered "
     "(default: open)",
     2},
    {"trust-proxy", KEY_PROXY, "CIDR", 0,
     "Trust X-Forwarded-For from these addresses, such as 10.0.0.0/8 or ::1; may be repeated. Default: none", 2},
    {"workers", KEY_WORKERS, "N|auto", 0, "Number of threads that carry connections (default: auto, as many as cores)",
     3},
    {"limit", KEY_LIMIT, "NAME=N", 0, "Set a limit or timer; --limit help lists them", 3},
    {"ping-interval", KEY_PING, "TIME", 0,
     "Ping a connection that was idle for this long: 20, 20s or 300ms (default: 20s)", 3},
    {"dead-after", KEY_DEAD, "TIME", 0, "Close a connection that was silent for this long (default: 45s)", 3},
    {"uses", KEY_USES, "N", 0, "For token new: how many new IDs it admits (default: 1)", 5},
    {"days", KEY_DAYS, "N", 0, "For token new: how many days it is valid (default: 7)", 5},
    {"log-level", KEY_LOG, "LEVEL", 0, "error, warn, info or debug (default: info)", 4},
    {0},
};

static void list_settings(void) {
  printf("%-26s %12s %12s %12s  %s\n", "NAME", "default", "smallest", "largest", "meaning");
  for (size_t i = 0; i < PL_RELAY_SETTINGS; i++)
    printf("%-26s %12u %12u %12u  %s\n", pl_relay_setting_table[i].name, pl_relay_setting_table[i].initial,
           pl_relay_setting_table[i].minimum, pl_relay_setting_table[i].maximum, pl_relay_setting_table[i].text);
}

/* Reads a decimal number; *rest is what follows it. Returns false when there is no number or it is too large. */
static bool option_number(const char *text, uint64_t *value, const char **rest) {
  char *end;
  if (*text < '0' || *text > '9') return false;
  errno = 0;
  *value = strtoull(text, &end, 10);
  *rest = end;
  return errno == 0 && *value <= UINT32_MAX;
}

static void set_limit(pl_options *o, char *arg, struct argp_state *state) {
  if (strcmp(arg, "help") == 0) {
    list_settings();
    exit(0);
  }
  uint64_t value;
  const char *rest;
  char *equals = strchr(arg, '=');
  if (!equals || !option_number(equals + 1, &value, &rest) || *rest) {
    argp_error(state, "--limit takes NAME=N, not \"%s\"", arg);
    return;
  }
  *equals = '\0';
  if (pl_relay_settings_set(o->settings, arg, (uint32_t)value) == 0) return;
  for (size_t i = 0; i < PL_RELAY_SETTINGS; i++)
    if (strcmp(pl_relay_setting_table[i].name, arg) == 0)
      argp_error(state, "--limit %s must be from %u to %u, not %s", arg, pl_relay_setting_table[i].minimum,
                 pl_relay_setting_table[i].maximum, equals + 1);
  argp_error(state, "there is no limit %s; --limit help lists them", arg);
}

/* Sets a time in seconds or, if it ends in "ms", milliseconds. */
static void set_time(pl_options *o, const char *name, const char *arg, struct argp_state *state) {
  uint64_t value;
  const char *rest;
  bool good = option_number(arg, &value, &rest);
  if (good && (*rest == '\0' || strcmp(rest, "s") == 0))
    value *= 1000;
  else if (good && strcmp(rest, "ms") != 0)
    good = false;
  if (!good || value > UINT32_MAX || pl_relay_settings_set(o->settings, name, (uint32_t)value) != 0)
    argp_error(state, "\"%s\" is not a time, or out of range for %s; a time looks like 20s or 300ms", arg, name);
}

static void set_workers(pl_options *o, const char *arg, struct argp_state *state) {
  uint64_t value = 0;
  const char *rest = "";
  if (strcmp(arg, "auto") != 0 && (!option_number(arg, &value, &rest) || *rest || value > PL_RELAY_WORKERS_MAX))
    argp_error(state, "--workers takes a number up to %d or auto, not \"%s\"", PL_RELAY_WORKERS_MAX, arg);
  o->workers = (unsigned)value;
}

static void option_append(const char **list, size_t *count, const char *arg, struct argp_state *state) {
  size_t n = 0;
  while (list[n]) n++;
  if (n == PL_OPTION_LIST_MAX) argp_error(state, "%s: this option was given too often", arg);
  list[n] = arg;
  if (count) *count = n + 1;
}

static void add_origin(const char **list, char *arg, struct argp_state *state) {
  size_t n = strlen(arg);
  if (strncmp(arg, "http://", 7) != 0 && strncmp(arg, "https://", 8) != 0)
    argp_error(state, "\"%s\" is not an origin; an origin looks like https://relay.example", arg);
  if (n && arg[n - 1] == '/') arg[n - 1] = '\0';
  option_append(list, NULL, arg, state);
}

static void set_count(uint32_t *out, const char *name, uint64_t most, const char *arg, struct argp_state *state) {
  uint64_t value = 0;
  const char *rest;
  if (!option_number(arg, &value, &rest) || *rest || value < 1 || value > most)
    argp_error(state, "%s takes a number from 1 to %llu, not \"%s\"", name, (unsigned long long)most, arg);
  *out = (uint32_t)value;
}

static void add_proxy(pl_options *o, const char *arg, struct argp_state *state) {
  pl_view text = {(const uint8_t *)arg, strlen(arg)};
  if (o->trusted_count == PL_OPTION_LIST_MAX) argp_error(state, "--trust-proxy was given too often");
  if (pl_relay_cidr_parse(text, &o->trusted[o->trusted_count]) != 0)
    argp_error(state, "\"%s\" is not a range of addresses; a range looks like 10.0.0.0/8, fd00::/8 or 127.0.0.1", arg);
  o->trusted_count++;
}

static void add_alternative(pl_options *o, const char *arg, struct argp_state *state) {
  size_t used = strlen(o->alternatives);
  if (strncmp(arg, "ws://", 5) != 0 && strncmp(arg, "wss://", 6) != 0)
    argp_error(state, "--alternative takes an address like wss://relay.example/pairlink, not \"%s\"", arg);
  if (used + strlen(arg) + 2 > sizeof o->alternatives)
    argp_error(state, "--alternative was given too often, or its addresses are too long");
  snprintf(o->alternatives + used, sizeof o->alternatives - used, "%s%s", used ? "\n" : "", arg);
}

static error_t option_parse(int key, char *arg, struct argp_state *state) {
  pl_options *o = state->input;
  switch (key) {
    case KEY_LISTEN:
      if (o->listen_count == PL_OPTION_LIST_MAX) argp_error(state, "--listen was given too often");
      o->listen[o->listen_count++] = arg;
      return 0;
    case KEY_DATA:
      o->data = arg;
      return 0;
    case KEY_CERT:
      o->tls_cert = arg;
      return 0;
    case KEY_KEY:
      o->tls_key = arg;
      return 0;
    case KEY_ORIGIN:
      add_origin(o->origins, arg, state);
      return 0;
    case KEY_URL:
      add_origin(o->public_urls, arg, state);
      return 0;
    case KEY_ALTERNATIVE:
      add_alternative(o, arg, state);
      return 0;
    case KEY_ADMISSION:
      o->admission = strcmp(arg, "closed") == 0   ? PL_RELAY_ADMIT_CLOSED
                     : strcmp(arg, "invite") == 0 ? PL_RELAY_ADMIT_INVITE
                                                  : PL_RELAY_ADMIT_OPEN;
      if (o->admission == PL_RELAY_ADMIT_OPEN && strcmp(arg, "open") != 0)
        argp_error(state, "--admission takes open, invite or closed, not \"%s\"", arg);
      return 0;
    case KEY_PROXY:
      add_proxy(o, arg, state);
      return 0;
    case KEY_LIMIT:
      set_limit(o, arg, state);
      return 0;
    case KEY_WORKERS:
      set_workers(o, arg, state);
      return 0;
    case KEY_PING:
      set_time(o, "PING_INTERVAL_MS", arg, state);
      return 0;
    case KEY_DEAD:
      set_time(o, "DEAD_AFTER_MS", arg, state);
      return 0;
    case KEY_LOG:
      if (pl_log_level_of(arg) < 0) argp_error(state, "--log-level takes error, warn, info or debug, not \"%s\"", arg);
      pl_log_level = (pl_relay_log_level)pl_log_level_of(arg);
      return 0;
    case KEY_USES:
      set_count(&o->token_uses, "--uses", 1000000, arg, state);
      return 0;
    case KEY_DAYS:
      set_count(&o->token_days, "--days", 36500, arg, state);
      return 0;
    case ARGP_KEY_ARG:
      if (state->arg_num < 3 && (state->arg_num > 0 || strcmp(arg, "token") == 0))
        o->command[state->arg_num] = arg;
      else
        argp_error(state, "\"%s\" is not an argument of this program; apart from token, all start with --", arg);
      return 0;
    default:
      return ARGP_ERR_UNKNOWN;
  }
}

void pl_options_parse(pl_options *o, int argc, char **argv) {
  static const struct argp argp = {
      table,
      option_parse,
      "\ntoken new [--uses N] [--days N]\ntoken list\ntoken revoke HINT",
      "Pairs client sockets by ID and forwards what they encrypt for each other, which it cannot read."
      "\vExit codes: 0: ended by SIGTERM or SIGINT; 1: the port, folder, key, database or certificate cannot be "
      "used, as the message says; 2: a wrong argument.",
      NULL,
      NULL,
      NULL};
  argp_err_exit_status = PL_EXIT_USAGE;
  *o = (pl_options){.data = "data", .workers = 0, .token_uses = 1, .token_days = 7};
  pl_relay_settings_init(o->settings);
  argp_parse(&argp, argc, argv, 0, NULL, o);
  const char *contradiction = pl_relay_settings_check(o->settings);
  if (!o->tls_cert != !o->tls_key) contradiction = "--tls-cert and --tls-key must be given together";
  if (contradiction) {
    fprintf(stderr, "pairlink-relay: %s\n", contradiction);
    exit(PL_EXIT_USAGE);
  }
  if (o->listen_count) return;
  o->listen[0] = "127.0.0.1:8787";
  o->listen[1] = "[::1]:8787";
  o->listen_count = 2;
}
