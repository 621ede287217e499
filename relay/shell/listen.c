#include "listen.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { BACKLOG = 4096, NOTSENT_LOWAT = 128 * 1024 };

void pl_address_bytes(uint8_t out[16], const struct sockaddr_storage *from) {
  memset(out, 0, 16);
  if (from->ss_family == AF_INET6) {
    memcpy(out, &((const struct sockaddr_in6 *)(const void *)from)->sin6_addr, 16);
  } else if (from->ss_family == AF_INET) {
    out[10] = out[11] = 0xff;
    memcpy(out + 12, &((const struct sockaddr_in *)(const void *)from)->sin_addr, 4);
  }
}

/* Linux gives these to each socket that the listener accepts, which saves two system calls per connection. */
static bool set_for_accepted(int fd) {
  const int on = 1, lowat = NOTSENT_LOWAT;
  return setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) == 0 &&
         setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &lowat, sizeof lowat) == 0;
}

/* The first server binds without sharing, so that another program on the port is noticed, and shares only afterwards.
 */
static int open_listener(const struct addrinfo *a, pl_server_ports ports) {
  int on = 1, join = ports == PL_PORTS_JOIN, share = ports != PL_PORTS_OWN;
  int fd = socket(a->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return -errno;
  if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
      (a->ai_family != AF_INET6 || setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on) == 0) &&
      setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &join, sizeof join) == 0 && bind(fd, a->ai_addr, a->ai_addrlen) == 0 &&
      setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &share, sizeof share) == 0 && set_for_accepted(fd) &&
      listen(fd, BACKLOG) == 0)
    return fd;
  int rc = -errno;
  close(fd);
  return rc;
}

/* Retries for a while, because a process that was killed a moment ago may still hold its port. */
static int open_patiently(const struct addrinfo *a, pl_server_ports ports) {
  const struct timespec pause = {.tv_nsec = 50000000};
  int fd = open_listener(a, ports);
  for (int i = 0; fd == -EADDRINUSE && i < 12; i++) {
    nanosleep(&pause, NULL);
    fd = open_listener(a, ports);
  }
  return fd;
}

int pl_listen_port(int fd) {
  union {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
  } at;
  memset(&at, 0, sizeof at);
  socklen_t size = sizeof at;
  if (getsockname(fd, &at.any, &size) != 0) return -errno;
  return ntohs(at.any.sa_family == AF_INET6 ? at.v6.sin6_port : at.v4.sin_port);
}

/* Splits "HOST:PORT" or "[IPv6]:PORT". */
static bool split_address(const char *address, char host[256], char port[8]) {
  const char *colon = strrchr(address, ':');
  if (!colon) return false;
  size_t n = (size_t)(colon - address);
  if (n >= 2 && address[0] == '[' && address[n - 1] == ']') {
    address++;
    n -= 2;
  } else if (memchr(address, ':', n)) {
    return false;
  }
  if (n == 0 || n > 255 || strlen(colon + 1) == 0 || strlen(colon + 1) > 5) return false;
  if (strspn(colon + 1, "0123456789") != strlen(colon + 1) || atoi(colon + 1) > 65535) return false;
  memcpy(host, address, n);
  host[n] = '\0';
  strcpy(port, colon + 1);
  return true;
}

int pl_listen(const char *address, pl_server_ports ports, char why[256]) {
  char host[256], port[8];
  struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV}, *found = NULL;
  if (!split_address(address, host, port)) {
    snprintf(why, 256, "%s", "an address is HOST:PORT, such as 127.0.0.1:8787 or [::1]:8787");
    return -EINVAL;
  }
  int rc = getaddrinfo(host, port, &hints, &found);
  if (rc != 0) {
    snprintf(why, 256, "%s", gai_strerror(rc));
    return -EINVAL;
  }
  int fd = open_patiently(found, ports);
  freeaddrinfo(found);
  if (fd < 0) snprintf(why, 256, "%s", strerror(-fd));
  return fd;
}
