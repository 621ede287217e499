/* From "HOST:PORT" to a socket that listens there. */
#ifndef PL_SHELL_LISTEN_H
#define PL_SHELL_LISTEN_H

#include <stdint.h>
#include <sys/socket.h>

/* Several servers may share a port; the kernel then spreads connections over them. */
typedef enum pl_server_ports {
  PL_PORTS_OWN,   /* nobody else has them */
  PL_PORTS_FIRST, /* nobody else has them, but servers of this program may join */
  PL_PORTS_JOIN   /* joins the first */
} pl_server_ports;

/* The descriptor, or a negative errno and the reason as text in `why`. Port 0: the system chooses. */
int pl_listen(const char *address, pl_server_ports ports, char why[256]);
/* The port that it listens on, or a negative errno. */
int pl_listen_port(int fd);
/* An IPv6 address, or an IPv4 one in its mapped form. */
void pl_address_bytes(uint8_t out[16], const struct sockaddr_storage *address);

#endif
