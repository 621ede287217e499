/* Turns "HOST:PORT" into a socket that listens there. */
#ifndef PL_SHELL_LISTEN_H
#define PL_SHELL_LISTEN_H

#include <stdint.h>
#include <sys/socket.h>

/* Several servers may share a port; the kernel then spreads connections over them. */
typedef enum pl_server_ports {
  PL_PORTS_OWN,   /* ports that no one else uses */
  PL_PORTS_FIRST, /* ports that no one else uses, but that other servers of this program may join */
  PL_PORTS_JOIN   /* ports of the first server, which this one joins */
} pl_server_ports;

/* Returns the descriptor, or a negative errno with the reason as text in `why`. For port 0 the system chooses one. The
 * sockets that it accepts send at once what they are given (TCP_NODELAY), and they are writable while less than 128 KiB
 * of it waits to be sent (TCP_NOTSENT_LOWAT). */
int pl_listen(const char *address, pl_server_ports ports, char why[256]);
/* Returns the port that the socket listens on, or a negative errno. */
int pl_listen_port(int fd);
/* Writes an IPv6 address, or an IPv4 address in its mapped form. */
void pl_address_bytes(uint8_t out[16], const struct sockaddr_storage *address);

#endif
