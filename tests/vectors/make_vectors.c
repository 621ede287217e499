/* make-vectors FOLDER: writes the project's own vectors into the folder. */
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#include "own.h"

static int write_file(const char *folder, const own_file *file) {
  char path[4096];
  (void)snprintf(path, sizeof path, "%s/%s.json", folder, file->name);
  FILE *out = fopen(path, "w");
  if (!out) {
    perror(path);
    return 1;
  }
  char *text = own_text(file);
  int failed = fputs(text, out) < 0;
  free(text);
  if (fclose(out) != 0 || failed) {
    perror(path);
    return 1;
  }
  return 0;
}

int main(int argc, char **argv) {
  if (argc != 2 || sodium_init() < 0) {
    (void)fprintf(stderr, "usage: make-vectors FOLDER\n");
    return 2;
  }
  for (const own_file *file = own_files; file->name; file++) {
    if (write_file(argv[1], file)) return 1;
  }
  return 0;
}
