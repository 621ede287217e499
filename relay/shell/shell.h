/* Constants that several files of the shell use. */
#ifndef PL_SHELL_H
#define PL_SHELL_H

enum {
  PL_EXIT_BROKEN = 1, /* the port, folder, key, database or certificate cannot be used */
  PL_EXIT_USAGE = 2,  /* a wrong argument */
  PL_PATH_BYTES = 4096,
  PL_DAY_S = 86400
};

#endif
