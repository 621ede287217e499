/* Finds files by name in the embedded list. NAME.br and NAME.gz are compressed forms of NAME. */
#include "pages.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "embedded.h"

enum { PAGES_MAX = 512, ETAG_CHARS = 34 };

static char etags[PAGES_MAX][ETAG_CHARS + 1];

static bool over_tls;

/* In current browsers 'self' covers the relay's http and ws addresses alike. */
static const char policy[] =
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; style-src 'self'; "
    "img-src 'self' data: blob:; connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'; require-trusted-types-for 'script'";

/* Allows what the page uses and switches off the other features that browsers offer to pages. */
static const char permissions[] =
    "camera=(self), clipboard-write=(self), screen-wake-lock=(self), web-share=(self), accelerometer=(), autoplay=(), "
    "bluetooth=(), clipboard-read=(), display-capture=(), encrypted-media=(), fullscreen=(), geolocation=(), "
    "gyroscope=(), hid=(), idle-detection=(), local-fonts=(), magnetometer=(), microphone=(), midi=(), payment=(), "
    "picture-in-picture=(), publickey-credentials-get=(), serial=(), usb=(), xr-spatial-tracking=()";

static const char not_built[] =
    "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Pairlink relay</title>"
    "<h1>This relay runs without a page</h1><p>The program was built before the page. Build both with "
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

/* Returns true for scripts and style sheets: whoever opens one as a document sees its text. */
static bool is_part(const char *type) {
  return strncmp(type, "text/javascript", 15) == 0 || strncmp(type, "text/css", 8) == 0;
}

/* Returns true for names such as NAME-ABCD2345.js: the build put a hash of the contents into it, so the file never
 * changes. */
static bool is_hashed(const char *name) {
  const char *dot = strrchr(name, '.');
  if (!dot || dot - name < 10 || dot[-9] != '-') return false;
  for (const char *c = dot - 8; c < dot; c++)
    if (!((*c >= 'A' && *c <= 'Z') || (*c >= '0' && *c <= '9'))) return false;
  return true;
}

void pl_pages_init(bool tls) {
  over_tls = tls;
  for (size_t i = 0; i < pl_embedded_page_count && i < PAGES_MAX; i++) {
    uint8_t sum[32];
    crypto_hash_sha256(sum, pl_embedded_pages[i].data, pl_embedded_pages[i].size);
    etags[i][0] = '"';
    sodium_bin2hex(etags[i] + 1, ETAG_CHARS - 1, sum, 16);
    strcpy(etags[i] + 33, "\"");
  }
}

/* Returns the index of NAME + ending, or -1. */
static int page_find(pl_view name, const char *ending) {
  for (size_t i = 0; i < pl_embedded_page_count && i < PAGES_MAX; i++) {
    const char *own = pl_embedded_pages[i].name;
    if (strlen(own) == name.size + strlen(ending) && memcmp(own, name.data, name.size) == 0 &&
        strcmp(own + name.size, ending) == 0)
      return (int)i;
  }
  return -1;
}

/* What is sent as the answer: a file or a text. */
typedef struct answer {
  const char *type, *encoding, *cache, *etag; /* encoding and etag may be NULL */
  pl_view body;
  bool document; /* gets the headers that browsers look at in documents only */
} answer;

/* HSTS applies to all ports of a host, and other programs may serve plain HTTP there. So only a relay that is reached
 * at the default port 443 may send it. */
static bool speaks_for_host(const pl_relay_http_request *request) {
  return over_tls && !memchr(request->host.data, ':', request->host.size);
}

static void page_add_header(pl_relay_page *page, const char *name, const char *value) {
  if (!value || page->head_size == sizeof page->head) return;
  size_t room = sizeof page->head - page->head_size;
  int n = snprintf(page->head + page->head_size, room, "%s: %s\r\n", name, value);
  page->head_size = n < 0 || (size_t)n >= room ? sizeof page->head : page->head_size + (size_t)n;
}

/* A 304 repeats the headers that apply to the browser's copy and has no body. */
static int page_put(const pl_relay_http_request *request, pl_relay_page *page, int status, const answer *a) {
  char size[24];
  snprintf(size, sizeof size, "%zu", a->body.size);
  int n = snprintf(page->head, sizeof page->head, "HTTP/1.1 %d %s\r\n", status, pl_relay_http_status_text(status));
  page->head_size = (size_t)n;
  if (status != 304) {
    page_add_header(page, "Content-Type", a->type);
    page_add_header(page, "Content-Length", size);
    page_add_header(page, "Content-Encoding", a->encoding);
    page->body = a->body;
  }
  page_add_header(page, "Cache-Control", a->cache);
  page_add_header(page, "ETag", a->etag);
  page_add_header(page, "Vary", "Accept-Encoding");
  page_add_header(page, "Content-Security-Policy", policy);
  if (a->document) page_add_header(page, "Permissions-Policy", permissions);
  if (speaks_for_host(request)) page_add_header(page, "Strict-Transport-Security", "max-age=31536000");
  page_add_header(page, "X-Content-Type-Options", "nosniff");
  page_add_header(page, "Referrer-Policy", "no-referrer");
  if (a->document) page_add_header(page, "Cross-Origin-Opener-Policy", "same-origin");
  page_add_header(page, "Cross-Origin-Resource-Policy", "same-origin");
  page_add_header(page, "Connection", "close\r\n"); /* and the empty line that ends the head */
  return page->head_size == sizeof page->head ? 500 : status;
}

static int page_put_text(const pl_relay_http_request *request, pl_relay_page *page, const char *type,
                         const char *text) {
  const answer a = {.type = type, .cache = "no-store", .body = {(const uint8_t *)text, strlen(text)}, .document = true};
  return page_put(request, page, 200, &a);
}

/* The status is always 200: a relay that cannot store still serves everyone it knows, and a restart would not help,
 * because it does not start on such a disk. */
int pl_pages_health(const pl_relay_http_request *request, pl_relay_page *page, bool store_works) {
  return page_put_text(request, page, "text/plain; charset=utf-8", store_works ? "ok\n" : "store: failing\n");
}

int pl_pages_get(const pl_relay_http_request *request, pl_relay_page *page) {
  pl_view name = {request->path.data + 1, request->path.size - 1};
  if (name.size == 0) name = (pl_view){(const uint8_t *)"index.html", 10};
  int i = page_find(name, "");
  if (i < 0) return request->path.size == 1 ? page_put_text(request, page, "text/html; charset=utf-8", not_built) : 404;
  int br = request->accepts_br ? page_find(name, ".br") : -1, gz = request->accepts_gzip ? page_find(name, ".gz") : -1;
  int chosen = br >= 0 ? br : gz >= 0 ? gz : i;
  if (chosen == i && request->refuses_identity) return 406;
  const char *type = type_of(pl_embedded_pages[i].name);
  const answer a = {
      .type = type,
      .encoding = br >= 0   ? "br"
                  : gz >= 0 ? "gzip"
                            : NULL,
      .cache = is_hashed(pl_embedded_pages[i].name) ? "public, max-age=31536000, immutable" : "no-cache",
      .etag = etags[chosen],
      .body = {pl_embedded_pages[chosen].data, pl_embedded_pages[chosen].size},
      .document = !is_part(type),
  };
  return page_put(request, page, pl_relay_http_etag_matches(request->if_none_match, a.etag) ? 304 : 200, &a);
}
