/* `pairlink completion`: prints a script that lets a shell complete commands, options and names. The scripts only ask
 * the program; the answers come from the tables that --help is made of, and from the contacts.
 *
 * `pairlink completion words -- WORD… CURRENT` prints what the current word can be, one candidate per line, with a tab
 * and its meaning where there is one. The lines `:file` and `:dir` tell the shell to complete files or folders itself.
 */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "command.h"
#include "people.h"

/* ---- what a word can be ------------------------------------------------------------------------------- */

/* What the words before the current one say. */
typedef struct place {
  const command *command;                /* NULL: not named yet */
  const struct argp_option *expects_for; /* the option whose argument is being typed, or NULL */
  unsigned arguments;                    /* of the command, before the current word */
  const char *identity;                  /* from --identity: its contacts are offered */
  bool forgotten;                        /* those that the user forgot are offered instead */
} place;

static void offer_word(const char *current, const char *word, const char *meaning) {
  if (strncasecmp(word, current, strlen(current)) != 0) return;
  printf(meaning && *meaning ? "%s\t%s\n" : "%s\n", word, meaning);
}

static void offer_commands(const char *current) {
  for (const command *const *c = commands; *c; c++) offer_word(current, (*c)->name, (*c)->summary);
  offer_word(current, "help", "print the help of the program or of a command");
}

static void offer_contacts(const char *current, const place *at) {
  contacts s;
  bool read = contacts_open(&s, at->identity, NULL) == 0;
  for (size_t i = 0; read && !at->forgotten && i < s.count; i++) offer_word(current, s.list[i].name, NULL);
  for (size_t i = 0; read && at->forgotten && i < s.forgotten_count; i++)
    offer_word(current, s.forgotten[i].name, NULL);
  contacts_close(&s);
}

/* Offers what `parts` lists, such as "ask|all|CONTACT" or "rename block CONTACT": small letters are words, capitals are
 * kinds. Returns true when it lists words. */
static bool offer_parts(const char *current, const char *parts, bool words, bool kinds, const place *at) {
  char copy[160];
  bool any = false;
  snprintf(copy, sizeof copy, "%s", parts);
  for (char *save, *one = strtok_r(copy, "| ", &save); one; one = strtok_r(NULL, "| ", &save)) {
    if (islower((unsigned char)*one)) {
      any = true;
      if (words) offer_word(current, one, NULL);
    } else if (kinds && strncmp(one, "CONTACT", 7) == 0) {
      offer_contacts(current, at);
    } else if (kinds && strncmp(one, "COMMAND", 7) == 0) {
      offer_commands(current);
    } else if (kinds && strncmp(one, "FILE", 4) == 0) {
      puts(":file");
    } else if (kinds && strncmp(one, "DIR", 3) == 0) {
      puts(":dir");
    }
  }
  return any;
}

static void offer_options(const char *current, const struct argp_option *options) {
  char name[64];
  for (const struct argp_option *o = options; o && o->name; o++) {
    char meaning[64];
    size_t n = strcspn(o->doc, ";,(:"); /* the first part of the help is enough */
    while (n && o->doc[n - 1] == ' ') n--;
    snprintf(name, sizeof name, "--%s", o->name);
    snprintf(meaning, sizeof meaning, "%.*s", (int)(n < 60 ? n : 60), o->doc);
    offer_word(current, name, meaning);
  }
}

/* Offers the options of the command, and those that may stand anywhere. */
static void offer_all_options(const char *current, const place *at) {
  if (at->command) offer_options(current, at->command->argp.options);
  offer_options(current, global_options);
}

static void offer_arguments(const char *current, const place *at) {
  const char *what = at->command->completes;
  if (!what) return;
  bool has_words = offer_parts(current, what, at->arguments == 0, false, at);
  if (!has_words || at->arguments > 0) (void)offer_parts(current, what, false, true, at);
}

/* ---- where the current word stands -------------------------------------------------------------------- */

/* Returns the option that the word names, if the next word is its argument. Else NULL. */
static const struct argp_option *completion_waits(const struct argp_option *options, const char *word) {
  for (const struct argp_option *o = options; o && o->name; o++) {
    bool is_it =
        strncmp(word, "--", 2) == 0 ? strcmp(word + 2, o->name) == 0 : word[0] == '-' && word[1] == o->key && !word[2];
    if (is_it) return o->arg ? o : NULL;
  }
  return NULL;
}

static void step_over(place *at, const char *word) {
  if (strcmp(word, "=") == 0) return; /* bash splits --option=value at the = */
  if (at->expects_for) {
    if (at->expects_for == completion_waits(global_options, "--identity")) at->identity = word;
    at->expects_for = NULL;
  } else if (word[0] == '-') {
    at->expects_for = completion_waits(at->command ? at->command->argp.options : NULL, word);
    if (!at->expects_for) at->expects_for = completion_waits(global_options, word);
  } else if (at->command) {
    if (at->arguments == 0) at->forgotten = strcmp(at->command->name, "contacts") == 0 && strcmp(word, "allow") == 0;
    at->arguments++;
  } else {
    static const command help = {.name = "help", .completes = "COMMAND"}, unknown = {.name = ""};
    at->command = strcmp(word, "help") == 0 ? &help : &unknown;
    for (const command *const *c = commands; *c; c++)
      if (strcmp((*c)->name, word) == 0) at->command = *c;
  }
}

static int completion_words(int count, char **list) {
  place at = {0};
  const char *current = count ? list[count - 1] : "";
  for (int i = 0; i + 1 < count; i++) step_over(&at, list[i]);
  if (strcmp(current, "=") == 0) current = "";
  if (at.expects_for)
    (void)offer_parts(current, at.expects_for->arg, true, true, &at);
  else if (current[0] == '-')
    offer_all_options(current, &at);
  else if (!at.command)
    offer_commands(current);
  else
    offer_arguments(current, &at);
  return fflush(stdout) == 0 ? EXIT_OK : EXIT_IO;
}

/* ---- scripts ------------------------------------------------------------------------------------------ */

static const char bash[] =
    "# Completion of pairlink for bash. For this shell only: source <(pairlink completion bash)\n"
    "# For every shell: pairlink completion bash > ~/.local/share/bash-completion/completions/pairlink\n"
    "_pairlink_add() { # adds a word, quoted, because a contact's name may hold anything\n"
    "  case $quote in\n"
    "    \\') [[ $1 = *\\'* ]] || COMPREPLY+=(\"$1\") ;;\n"
    "    \\\") [[ $1 = *[\\\"\\$\\`\\\\!]* ]] || COMPREPLY+=(\"$1\") ;;\n"
    "    *) COMPREPLY+=(\"$(printf %q \"$1\")\") ;;\n"
    "  esac\n"
    "}\n"
    "_pairlink() {\n"
    "  local current=${COMP_WORDS[COMP_CWORD]} quote='' line\n"
    "  COMPREPLY=()\n"
    "  case $current in\n"
    "    [\\\"\\']*) quote=${current:0:1} current=${current:1} ;;\n"
    "    *) current=${current//\\\\/} ;;\n"
    "  esac\n"
    "  while IFS= read -r line; do\n"
    "    case $line in\n"
    "      :file) compopt -o filenames; mapfile -t -O \"${#COMPREPLY[@]}\" COMPREPLY < <(compgen -f -- \"$current\") "
    ";;\n"
    "      :dir) compopt -o filenames; mapfile -t -O \"${#COMPREPLY[@]}\" COMPREPLY < <(compgen -d -- \"$current\") "
    ";;\n"
    "      *) _pairlink_add \"${line%%$'\\t'*}\" ;;\n"
    "    esac\n"
    "  done < <(\"${COMP_WORDS[0]}\" completion words -- \"${COMP_WORDS[@]:1:COMP_CWORD-1}\" \"$current\" "
    "2>/dev/null)\n"
    "}\n"
    "complete -F _pairlink pairlink\n";

static const char zsh[] =
    "#compdef pairlink\n"
    "# Completion of pairlink for zsh, in a folder of $fpath: pairlink completion zsh > ~/.zfunc/_pairlink\n"
    "_pairlink() {\n"
    "  local line\n"
    "  local -a found meanings\n"
    "  while IFS= read -r line; do\n"
    "    case $line in\n"
    "      (:file) _files ;;\n"
    "      (:dir) _files -/ ;;\n"
    "      (*) found+=(\"${line%%$'\\t'*}\"); meanings+=(\"${line/$'\\t'/  -- }\") ;;\n"
    "    esac\n"
    "  done < <(\"${words[1]}\" completion words -- \"${(@Q)words[2,CURRENT]}\" 2>/dev/null)\n"
    "  (( $#found )) && compadd -l -d meanings -a found\n"
    "}\n"
    "if [[ $funcstack[1] = _pairlink ]]; then _pairlink \"$@\"; else compdef _pairlink pairlink; fi\n";

static const char fish[] =
    "# Completion of pairlink for fish: pairlink completion fish > ~/.config/fish/completions/pairlink.fish\n"
    "function __pairlink\n"
    "  set -l before (commandline -opc)\n"
    "  set -l current (commandline -ct)\n"
    "  for line in ($before[1] completion words -- $before[2..-1] \"$current\" 2>/dev/null)\n"
    "    switch $line\n"
    "      case ':file'\n"
    "        __fish_complete_path \"$current\"\n"
    "      case ':dir'\n"
    "        __fish_complete_directories \"$current\"\n"
    "      case '*'\n"
    "        printf '%s\\n' $line\n"
    "    end\n"
    "  end\n"
    "end\n"
    "complete -c pairlink -f -a '(__pairlink)'\n";

static error_t completion_parse(int key, char *arg, struct argp_state *state) {
  const char **script = state->input;
  switch (key) {
    case ARGP_KEY_ARG:
      if (*script) argp_usage(state);
      if (strcmp(arg, "bash") == 0)
        *script = bash;
      else if (strcmp(arg, "zsh") == 0)
        *script = zsh;
      else if (strcmp(arg, "fish") == 0)
        *script = fish;
      else
        argp_error(state, "there are scripts for bash, zsh and fish, not for '%s'", arg);
      return 0;
    case ARGP_KEY_END:
      if (!*script) argp_error(state, "for which shell? bash, zsh or fish");
      return 0;
    default:
      return ARGP_ERR_UNKNOWN;
  }
}

static int completion_run(const cli *c, int argc, char **argv) {
  const char *script = NULL;
  (void)c;
  if (argc >= 3 && strcmp(argv[1], "words") == 0 && strcmp(argv[2], "--") == 0)
    return completion_words(argc - 3, argv + 3);
  command_parse(&command_completion, argc, argv, &script);
  return fputs(script, stdout) >= 0 && fflush(stdout) == 0 ? EXIT_OK : EXIT_IO;
}

const command command_completion = {
    .name = "completion",
    .arguments = "bash|zsh|fish",
    .summary = "print a completion script for your shell",
    .completes = "bash zsh fish",
    .run = completion_run,
    .argp = {.parser = completion_parse,
             .args_doc = "bash|zsh|fish",
             .doc = "Prints a script that lets your shell complete commands, options and the names of your contacts."
                    "\v"
                    "bash, for this shell only:\n"
                    "  source <(pairlink completion bash)\n"
                    "bash, for every shell:\n"
                    "  pairlink completion bash \\\n    > ~/.local/share/bash-completion/completions/pairlink\n"
                    "zsh, in a folder of $fpath:\n"
                    "  pairlink completion zsh > ~/.zfunc/_pairlink\n"
                    "fish:\n"
                    "  pairlink completion fish > ~/.config/fish/completions/pairlink.fish\n"}};
