/* Tells whether memory is used by the process that created it or by a forked child. Asking costs no system call. */
#ifndef PL_LIB_PROCESS_H
#define PL_LIB_PROCESS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <sys/types.h>

typedef struct pl_process {
  atomic_uint *number; /* of the process that asks; NULL where the kernel cannot tell, and pid decides */
  unsigned made_in;    /* number of the process that created the memory */
  pid_t pid;
} pl_process;

/* Returns the process that is running. */
pl_process pl_process_now(void);
/* Returns true in any other process than the one in which pl_process_now returned `made`. */
bool pl_process_is_another(const pl_process *made);

#endif
