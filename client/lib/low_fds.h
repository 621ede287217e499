/* Keeps the library off the numbers of the standard streams, 0 to 2. A host may have closed them: a socket of ours with
 * number 1 would then receive what the host prints, and libuv aborts the process when it closes one of them. So
 * descriptors that stay open are opened only between these two calls. The calls nest and work in any thread. */
#ifndef PL_LIB_LOW_FDS_H
#define PL_LIB_LOW_FDS_H

/* Occupies those of the three numbers that are free. Reading and writing there still fails with EBADF. */
void pl_low_fds_hold(void);
/* Frees the numbers again, but not where the host has opened a file of its own in the meantime. */
void pl_low_fds_release(void);

#endif
