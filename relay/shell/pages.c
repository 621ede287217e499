/* Files are found by name in the embedded list; NAME.br and NAME.gz beside NAME are its compressed forms. */
#include "pages.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "embedded.h"

enum { PAGES_MAX = 512, ETAG_CHARS = 34 };

static char etags[PAGES_MAX][ETAG_CHARS + 1];

static const char policy[] =
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; style-src 'self'; "
    "img-src 'self' data: blob:; connect-src 'self' ws: wss:; manifest-src 'self'; base-uri 'none'; form-action "
    "'none'; "
    "frame-ancestors 'none'; require-trusted-types-for 'script'";

static const char not_built[] =
    "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Pairlink relay</title>"
    "<h1>This relay runs, without a page</h1><p>The program was built before the page was. Build both with "
    "<code>./dev build</code>, or run <code>node web/page/build.mjs</code> and build the program again. "
    "The command line works: <code>pairlink --help</code>.</p></html>\n";

static const struct {
  const char *ending, *type;
} types[] = {
    {".html", "text/html; charset=utf-8"},
    {".js", "text/javascript; charset=utf-8"},
    {".mjs", "text/javascript; charset=utf-8"},
    {".css", "text/css; charset=utf-8"},
    {".json", "application/json"},
    {".map", "application/json"},
    {".webmanifest", "application/manifest+json"},
    {".svg", "image/svg+xml"},
    {".png", "image/png"},
    {".ico", "image/x-icon"},
    {".wasm", "application/wasm"},
    {".woff2", "font/woff2"},
    {".txt", "text/plain; charset=utf-8"},
};

static bool ends_with(const char *name, const char *ending) {
  size_t n = strlen(name), m = strlen(ending);
  return n >= m && strcmp(name + n - m, ending) == 0;
}

static const char *type_of(const char *name) {
  for (size_t i = 0; i < PL_ARRAY_LENGTH(types); i++)
    if (ends_with(name, types[i].ending)) return types[i].type;
  return "application/octet-stream";
}

/* NAME-ABCD2345.js: the build put a hash of the contents into the name, so it never changes. */
static bool is_hashed(const char *name) {
  const char *dot = strrchr(name, '.');
  if (!dot || dot - name < 10 || dot[-9] != '-') return false;
  for (const char *c = dot - 8; c < dot; c++)
    if (!((*c >= 'A' && *c <= 'Z') || (*c >= '0' && *c <= '9'))) return false;
  return true;
}

void pl_pages_init(void) {
  for (size_t i = 0; i < pl_embedded_page_count && i < PAGES_MAX; i++) {
    uint8_t sum[32];
    crypto_hash_sha256(sum, pl_embedded_pages[i].data, pl_embedded_pages[i].size);
    etags[i][0] = '"';
    sodium_bin2hex(etags[i] + 1, ETAG_CHARS - 1, sum, 16);
    strcpy(etags[i] + 33, "\"");
  }
}

/* Index of NAME + ending, or -1. */
static int find(pl_view name, const char *ending) {
  for (size_t i = 0; i < pl_embedded_page_count && i < PAGES_MAX; i++) {
    const char *own = pl_embedded_pages[i].name;
    if (strlen(own) == name.size + strlen(ending) && memcmp(own, name.data, name.size) == 0 &&
        strcmp(own + name.size, ending) == 0)
      return (int)i;
  }
  return -1;
}

static int put_head(pl_page *page, int status, const char *type, const char *encoding, const char *cache,
                    const char *etag, size_t size) {
  int n = snprintf(page->head, sizeof page->head,
                   "HTTP/1.1 %d %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\n%s%s%sCache-Control: %s\r\n%s%s%s"
                   "Vary: Accept-Encoding\r\nContent-Security-Policy: %s\r\nX-Content-Type-Options: nosniff\r\n"
                   "Referrer-Policy: no-referrer\r\nCross-Origin-Opener-Policy: same-origin\r\n"
                   "Cross-Origin-Resource-Policy: same-origin\r\nConnection: close\r\n\r\n",
                   status, pl_http_status_text(status), type, size, encoding ? "Content-Encoding: " : "",
                   encoding ? encoding : "", encoding ? "\r\n" : "", cache, etag ? "ETag: " : "", etag ? etag : "",
                   etag ? "\r\n" : "", policy);
  if (n < 0 || (size_t)n >= sizeof page->head) return 500;
  page->head_size = (size_t)n;
  return status;
}

static int put_text(pl_page *page, const char *type, const char *text) {
  page->body = (pl_view){(const uint8_t *)text, strlen(text)};
  return put_head(page, 200, type, NULL, "no-store", NULL, page->body.size);
}

int pl_pages_get(void *user, const pl_http_request *request, pl_page *page) {
  (void)user;
  pl_view name = {request->path.data + 1, request->path.size - 1};
  if (pl_view_is(request->path, "/healthz")) return put_text(page, "text/plain; charset=utf-8", "ok\n");
  if (name.size == 0) name = (pl_view){(const uint8_t *)"index.html", 10};
  int i = find(name, "");
  if (i < 0) return request->path.size == 1 ? put_text(page, "text/html; charset=utf-8", not_built) : 404;
  int br = request->accepts_br ? find(name, ".br") : -1, gz = request->accepts_gzip ? find(name, ".gz") : -1;
  int chosen = br >= 0 ? br : gz >= 0 ? gz : i;
  const char *encoding = br >= 0 ? "br" : gz >= 0 ? "gzip" : NULL;
  const char *cache = is_hashed(pl_embedded_pages[i].name) ? "public, max-age=31536000, immutable" : "no-cache";
  const char *type = type_of(pl_embedded_pages[i].name);
  if (pl_http_etag_matches(request->if_none_match, etags[chosen]))
    return put_head(page, 304, type, encoding, cache, etags[chosen], pl_embedded_pages[chosen].size);
  page->body = (pl_view){pl_embedded_pages[chosen].data, pl_embedded_pages[chosen].size};
  return put_head(page, 200, type, encoding, cache, etags[chosen], page->body.size);
}
