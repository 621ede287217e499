/* Whose memory is this: of the process that made it, or of a forked child? To ask costs no system call. */
#ifndef PL_LIB_PROCESS_H
#define PL_LIB_PROCESS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <sys/types.h>

typedef struct pl_process {
  atomic_uint *number; /* of the process that looks; NULL: the kernel cannot tell, so getpid does */
  unsigned made_in;
  pid_t pid;
} pl_process;

pl_process pl_process_now(void);
bool pl_process_is_another(const pl_process *made);

#endif
