/* Descriptors 0 to 2 belong to the host's standard streams, also when it has closed them: a socket of ours with number
 * 1 would get what the host prints, and libuv ends the process when it is to close one of them. So what lives on is
 * opened between these two calls only. They nest, and may be called from any thread. */
#ifndef PL_LIB_LOW_FDS_H
#define PL_LIB_LOW_FDS_H

/* Takes those of the three that are free; reading and writing there still fail with EBADF. */
void pl_low_fds_hold(void);
void pl_low_fds_release(void);

#endif
