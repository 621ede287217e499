/* The people that were paired with: one text file, one contact a line (JSON), beside the identity that they know: for
 * `--identity FILE` it is FILE.contacts, else $XDG_CONFIG_HOME/pairlink/contacts. Mode 0600, replaced as a whole, each
 * change under a lock and on what is on disk at that moment, so that several programs can use it at once.
 *
 * Invariants: a contact is its ID, and nothing that it says can change that. Names that I gave are unique, whatever
 * their case, are no IDs, and are safe to print, to type as an argument, and to tell from links (no `#`), lists (no
 * `,`) and options (no `-` first). */
#ifndef PL_CLI_CONTACTS_H
#define PL_CLI_CONTACTS_H

#include <pairlink.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../core/identity/identity.h"
#include "../lib/private_file.h"

enum { CONTACT_NAME_MAX = 65 }; /* with the NUL; 64 bytes are what the protocol lets a side call itself */

typedef enum contact_how { CONTACT_BY_ID, CONTACT_BY_CODE, CONTACT_BY_LINK } contact_how;

typedef struct contact {
  char id[PAIRLINK_ID_CHARS + 1];
  char name[CONTACT_NAME_MAX];     /* mine for them */
  char own_name[CONTACT_NAME_MAX]; /* what they call themselves, made safe; "" when nothing */
  char relay[PAIRLINK_URL_MAX];    /* where they were met last; "" when not known */
  contact_how how;
  int64_t paired_s, compared_s; /* since 1970; compared_s: when the safety phrase was, 0 for not */
  bool blocked;
} contact;

typedef struct contacts {
  char *path;
  char my_name[CONTACT_NAME_MAX]; /* how I call myself; "" when not at all */
  contact *list;                  /* in the order in which they came; pointers into it are good until the next change */
  size_t count;
} contacts;

/* What pairing meant for the store. */
typedef struct contact_news {
  contact who;       /* as it is stored now */
  bool is_new;       /* was no contact before */
  bool has_new_name; /* calls itself otherwise than before */
  char
      namesake[CONTACT_NAME_MAX]; /* another contact, with another ID, that has the name this one gives itself; or "" */
} contact_news;

/* Reads what there is; no file is an empty store. `identity_file`: of --identity, or NULL. `why` as in files.h. */
int contacts_open(contacts *s, const char *identity_file, char why[PL_WHY_MAX]) PL_MUST_USE;
void contacts_close(contacts *s);

/* By the name that I gave (any case) or by ID; NULL when there is none. Everything in `list` is for reading. */
const contact *contacts_find(const contacts *s, const char *name_or_id);
/* A contact with another ID that bears this name, given by me or by itself. */
const contact *contacts_namesake(const contacts *s, const char *id, const char *name);

/* Remembers someone after pairing: id, own_name (as it came), relay, how and paired_s are taken from `paired`. Someone
 * new gets a free name made from own_name ("Ana", "Ana 2"), or from the ID. Someone known keeps the name that I gave,
 * and stays compared and blocked. */
int contacts_add(contacts *s, const contact *paired, contact_news *news, char why[PL_WHY_MAX]) PL_MUST_USE;

/* Changes; `who` is a name or an ID. PL_ESTATE: no such contact, or (rename) the name is taken; PL_EINVAL: no name. */
int contacts_rename(contacts *s, const char *who, const char *name, char why[PL_WHY_MAX]) PL_MUST_USE;
int contacts_remove(contacts *s, const char *who, char why[PL_WHY_MAX]) PL_MUST_USE;
int contacts_block(contacts *s, const char *who, bool blocked, char why[PL_WHY_MAX]) PL_MUST_USE;
int contacts_set_compared(contacts *s, const char *who, int64_t when_s, char why[PL_WHY_MAX]) PL_MUST_USE;
int contacts_set_relay(contacts *s, const char *who, const char *relay, char why[PL_WHY_MAX]) PL_MUST_USE;
/* How I call myself; "" for not at all. */
int contacts_set_my_name(contacts *s, const char *name, char why[PL_WHY_MAX]) PL_MUST_USE;

const char *contact_how_text(contact_how how); /* "id", "code", "link" */
/* Text of anybody as a name: what cannot be printed is dropped, spaces are joined, the length is cut. False when
 * nothing is left, or what is left would be taken for something else. */
bool contact_name_clean(const char *text, char out[CONTACT_NAME_MAX]);

#endif
