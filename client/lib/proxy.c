#include "proxy.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

const char *pl_proxy_environment(const char *name) {
  return secure_getenv(name);
}

static const char *first_variable(pl_getenv *get, const char *const *names) {
  for (; *names; names++) {
    const char *value = get(*names);
    if (value && *value) return value;
  }
  return NULL;
}

/* Returns true when an entry of no_proxy, n bytes long, names this host. "example.org" and ".example.org" also name the
 * hosts below them. */
static bool no_proxy_covers(const char *entry, size_t n, const pl_url *url) {
  size_t host = strlen(url->host);
  if (n == 1 && *entry == '*') return true;
  if (n > 2 && *entry == '[') { /* [::1] or [::1]:80 */
    const char *end = memchr(entry, ']', n);
    if (!end) return false;
    entry++;
    n = (size_t)(end - entry);
  } else {
    const char *colon = memchr(entry, ':', n);
    if (colon && !memchr(colon + 1, ':', n - (size_t)(colon + 1 - entry))) {
      if (strtoul(colon + 1, NULL, 10) != url->port) return false;
      n = (size_t)(colon - entry);
    }
  }
  while (n && *entry == '.') entry++, n--;
  if (!n || n > host || strncasecmp(url->host + host - n, entry, n) != 0) return false;
  return n == host || (!url->ip && url->host[host - n - 1] == '.');
}

static bool no_proxy_excludes(const pl_url *url, const char *list) {
  while (list && *list) {
    size_t skip = strspn(list, ", \t");
    size_t n = strcspn(list + skip, ", \t");
    if (n && no_proxy_covers(list + skip, n, url)) return true;
    list += skip + n;
  }
  return false;
}

static int proxy_parse(const char *text, pl_proxy *proxy) {
  if (strncasecmp(text, "http://", 7) == 0)
    text += 7;
  else if (strstr(text, "://"))
    return PL_EURL;
  size_t n = strcspn(text, "/");
  const char *at = memrchr(text, '@', n);
  if (at) {
    size_t length = (size_t)(at - text);
    if (length >= sizeof proxy->credentials) return PL_EURL;
    memcpy(proxy->credentials, text, length);
    n -= length + 1;
    text = at + 1;
  }
  pl_url url;
  char address[PL_URL_TEXT_MAX];
  if (n + 8 > sizeof address) return PL_EURL;
  memcpy(address, "http://", 7);
  memcpy(address + 7, text, n);
  address[7 + n] = '\0';
  if (pl_url_parse(&url, address) != 0) return PL_EURL;
  memcpy(proxy->host, url.host, sizeof proxy->host);
  proxy->port = url.port;
  return 1;
}

int pl_proxy_for(const pl_url *url, pl_getenv *get, pl_proxy *proxy) {
  static const char *const for_tls[] = {"https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", NULL};
  static const char *const for_plain[] = {"http_proxy", "all_proxy", "ALL_PROXY", NULL};
  static const char *const none[] = {"no_proxy", "NO_PROXY", NULL};
  memset(proxy, 0, sizeof *proxy);
  if (pl_url_is_loopback(url)) return 0;
  const char *text = first_variable(get, url->tls ? for_tls : for_plain);
  if (!text || no_proxy_excludes(url, first_variable(get, none))) return 0;
  return proxy_parse(text, proxy);
}
