#include "code_prompt.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

#include "code_line.h"

enum { TEXT_MAX = 4096 };

static const char question[] = "Code: ";

typedef struct prompt {
  int terminal, signal_fd;
  struct termios before;
  sigset_t old_signals;
  bool colour;
  code_line line;
} prompt;

/* ---- the terminal ------------------------------------------------------------------------------------- */

static int prompt_columns(const prompt *p) {
  struct winsize size;
  return ioctl(p->terminal, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

/* Returns how many bytes of the text, at most `room`, hold whole characters. */
static int prompt_fitting(const char *text, int room) {
  int n = 0;
  for (int i = 0; i <= room; i++) {
    unsigned char c = (unsigned char)text[i];
    if ((c & 0xc0) != 0x80) n = i;
    if (!c) break;
  }
  return n;
}

/* Prints as much as fits into *room. Counting bytes as columns is safe, since there are never fewer bytes than columns.
 * A line that wraps could not be redrawn. */
static void prompt_put(const prompt *p, const char *style, const char *text, int *room) {
  int n = prompt_fitting(text, *room);
  if (n == 0) return;
  *room -= n;
  dprintf(p->terminal, "%s%.*s%s", p->colour ? style : "", n, text, p->colour && *style ? "\033[0m" : "");
}

/* Draws the whole line, with the cursor behind what was typed. */
static void prompt_draw(const prompt *p) {
  code_line_view view;
  int room = prompt_columns(p) - 1;
  code_line_look(&p->line, &view);
  dprintf(p->terminal, "\r\033[K");
  prompt_put(p, "\033[1m", question, &room);
  prompt_put(p, view.wrong ? "\033[31m" : "", code_line_text(&p->line), &room);
  dprintf(p->terminal, "\0337");
  prompt_put(p, "\033[2m", view.rest, &room);
  if (*view.hint) prompt_put(p, "", "   ", &room);
  prompt_put(p, view.wrong ? "\033[31m" : "\033[2m", view.hint, &room);
  dprintf(p->terminal, "\0338");
  sodium_memzero(&view, sizeof view);
}

/* Also turns on the marks around pastes (bracketed paste), so that a line end inside a paste is not taken for Enter.
 * Called again when the program continues after Ctrl-Z, since the shell may have turned them off. */
static bool prompt_raw(prompt *p) {
  struct termios t = p->before;
  t.c_lflag &= (tcflag_t) ~(ICANON | ECHO | IEXTEN);
  t.c_iflag &= (tcflag_t) ~(IXON | ICRNL | INLCR | IGNCR);
  t.c_cc[VMIN] = 1;
  t.c_cc[VTIME] = 0;
  dprintf(p->terminal, "\033[?2004h");
  return tcsetattr(p->terminal, TCSADRAIN, &t) == 0; /* TCSADRAIN keeps what was typed ahead */
}

static void prompt_cooked(const prompt *p) {
  dprintf(p->terminal, "\033[?2004l");
  (void)tcsetattr(p->terminal, TCSADRAIN, &p->before);
}

/* Reads signals through a descriptor during the question, so that none ends the program with the terminal in raw mode.
 */
static bool watch_signals(prompt *p) {
  static const int watched[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGCONT, SIGWINCH};
  sigset_t set;
  sigemptyset(&set);
  for (size_t i = 0; i < sizeof watched / sizeof *watched; i++) sigaddset(&set, watched[i]);
  sigprocmask(SIG_BLOCK, &set, &p->old_signals);
  p->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
  return p->signal_fd >= 0;
}

/* Returns 0 to continue, else the exit code. */
static int prompt_on_signal(prompt *p) {
  struct signalfd_siginfo info;
  while (read(p->signal_fd, &info, sizeof info) == (ssize_t)sizeof info) {
    int number = (int)info.ssi_signo;
    if (number == SIGTSTP) { /* restore the terminal, stop, and continue here */
      dprintf(p->terminal, "\r\033[K");
      prompt_cooked(p);
      (void)raise(SIGSTOP);
    }
    if (number == SIGTSTP || number == SIGCONT || number == SIGWINCH)
      (void)prompt_raw(p);
    else
      return 128 + number;
  }
  return 0;
}

/* Returns -1 to continue, 0 when the code is complete, else the exit code. */
static int prompt_on_keys(prompt *p) {
  unsigned char keys[64];
  ssize_t n = read(p->terminal, keys, sizeof keys);
  if (n < 0 && (errno == EINTR || errno == EAGAIN)) return -1;
  if (n <= 0) return 128 + SIGHUP; /* the terminal is gone */
  code_line_result result = CODE_LINE_CONTINUES;
  for (ssize_t i = 0; i < n && result == CODE_LINE_CONTINUES; i++) result = code_line_key(&p->line, keys[i]);
  sodium_memzero(keys, sizeof keys);
  return result == CODE_LINE_CONTINUES ? -1 : result == CODE_LINE_DONE ? 0 : EXIT_INTERRUPTED;
}

static int prompt_converse(prompt *p) {
  for (;;) {
    struct pollfd fds[] = {{.fd = p->terminal, .events = POLLIN}, {.fd = p->signal_fd, .events = POLLIN}};
    prompt_draw(p);
    if (poll(fds, 2, -1) < 0 && errno != EINTR) return EXIT_IO;
    int code = fds[1].revents ? prompt_on_signal(p) : 0;
    if (code) return code;
    code = fds[0].revents ? prompt_on_keys(p) : -1;
    if (code >= 0) return code;
  }
}

static int prompt_ask(int terminal, char text[TEXT_MAX]) {
  const char *none = getenv("NO_COLOR");
  prompt p = {.terminal = terminal, .signal_fd = -1, .colour = !(none && *none)};
  code_line_init(&p.line, pairlink_word);
  if (tcgetattr(terminal, &p.before) != 0) return EXIT_IO;
  int result = watch_signals(&p) && prompt_raw(&p) ? prompt_converse(&p) : EXIT_IO;
  dprintf(terminal, result ? "\n" : "\r\033[K%s%s\n", question, code_line_text(&p.line));
  prompt_cooked(&p);
  if (p.signal_fd >= 0) close(p.signal_fd);
  sigprocmask(SIG_SETMASK, &p.old_signals, NULL);
  if (!result) snprintf(text, TEXT_MAX, "%s", code_line_text(&p.line));
  sodium_memzero(&p.line, sizeof p.line);
  return result;
}

/* ---- plain lines -------------------------------------------------------------------------------------- */

/* Reads one line, byte by byte, because what follows the line is for another reader. Returns false when it is empty. */
static bool prompt_read_line(int fd, char text[TEXT_MAX]) {
  size_t used = 0;
  char c;
  for (;;) {
    ssize_t n = read(fd, &c, 1);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0 || c == '\n') break;
    if (used + 1 < TEXT_MAX && c) text[used++] = c;
  }
  while (used && (text[used - 1] == '\r' || text[used - 1] == ' ')) used--;
  text[used] = '\0';
  return used > 0;
}

/* Returns true when the terminal cannot be redrawn. */
static bool plain_terminal(void) {
  const char *term = getenv("TERM");
  return !term || !*term || strcmp(term, "dumb") == 0;
}

static int no_code(const char *why) {
  ui_error("no code to pair with", why, "type it when asked, pipe it in, or put it into PAIRLINK_CODE");
  return EXIT_USAGE;
}

static int ask_terminal(char text[TEXT_MAX]) {
  int terminal = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY), result;
  if (terminal < 0) return no_code("there is no terminal to ask on");
  if (plain_terminal()) {
    dprintf(terminal, "%s", question);
    result = prompt_read_line(terminal, text) ? 0 : no_code("nothing was typed");
  } else {
    result = prompt_ask(terminal, text);
  }
  close(terminal);
  return result;
}

static int prompt_get_text(bool stdin_is_data, char text[TEXT_MAX]) {
  const char *given = getenv("PAIRLINK_CODE");
  if (given && *given) {
    if (strlen(given) >= TEXT_MAX) return no_code("PAIRLINK_CODE does not hold a code");
    memcpy(text, given, strlen(given) + 1);
    return 0;
  }
  if (stdin_is_data || isatty(STDIN_FILENO)) return ask_terminal(text);
  return prompt_read_line(STDIN_FILENO, text) ? 0 : no_code("the first line of stdin is empty");
}

/* When nothing is found, the text itself is taken for the code if it is short enough. The library will say what is
 * wrong with it. */
static int prompt_understand(const cli *c, const char *text, char code[PAIRLINK_CODE_MAX], target *who,
                             pairlink_options *o) {
  char found[PAIRLINK_INVITE_LINK_MAX];
  invitation_kind kind = invitation_find(text, pairlink_word, found);
  const char *best = kind == INVITATION_NONE ? text : found;
  int result = 0;
  code[0] = '\0';
  if (kind == INVITATION_LINK)
    result = people_find(c, found, who, o);
  else if (kind == INVITATION_BROKEN_LINK)
    result = ui_fail("the link cannot be used", PAIRLINK_ELINK, NULL);
  else if (strlen(best) < PAIRLINK_CODE_MAX)
    memcpy(code, best, strlen(best) + 1);
  else
    result = no_code("that is not a code");
  sodium_memzero(found, sizeof found);
  return result;
}

int code_prompt_read(const cli *c, bool stdin_is_data, char code[PAIRLINK_CODE_MAX], target *who, pairlink_options *o) {
  char text[TEXT_MAX];
  int result = prompt_get_text(stdin_is_data, text);
  if (!result) result = prompt_understand(c, text, code, who, o);
  sodium_memzero(text, sizeof text);
  return result;
}
