/* The contact file: the people that this identity paired with, and those that the user forgot, each in a line of JSON.
 * It lies next to the identity: FILE.contacts for `--identity FILE`, else $XDG_CONFIG_HOME/pairlink/contacts. Its mode
 * is 0600. Several programs can use it at the same time: each change takes a lock, reads the file again, and replaces
 * it as a whole.
 *
 * Invariants: a contact is identified by its ID, and nothing that it says can change that. The names that the user gave
 * are unique, ignoring case; they are not IDs, are safe to print and to type as an argument, and cannot be mistaken for
 * links (no `#`), lists (no `,`) or options (no `-` at the start).
 *
 * Functions that return int return 0 or an error, with one line on what is wrong in `why`, which may be NULL. */
#ifndef PL_CLI_CONTACTS_H
#define PL_CLI_CONTACTS_H

#include <pairlink.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../core/identity/identity.h"
#include "../lib/private_file.h"

enum {
  CONTACT_NAME_MAX = 65,        /* with the NUL; the protocol allows names of 64 bytes */
  CONTACTS_FORGOTTEN_MAX = 1024 /* as many as the library keeps; the oldest is dropped first */
};

typedef enum contact_how { CONTACT_BY_ID, CONTACT_BY_CODE, CONTACT_BY_LINK } contact_how;

typedef struct contact {
  char id[PAIRLINK_ID_CHARS + 1];
  char name[CONTACT_NAME_MAX];     /* the user's name for them */
  char own_name[CONTACT_NAME_MAX]; /* what they call themselves, made safe; or "" */
  char relay[PAIRLINK_URL_MAX];    /* where they were last met; "" when not known */
  contact_how how;
  int64_t paired_s, compared_s; /* seconds since 1970; compared_s: when the safety phrase was compared, 0: never */
  bool blocked;
} contact;

/* Someone who was a contact. Is told that they are not accepted, until the user pairs with them or takes it back. */
typedef struct contact_forgotten {
  char id[PAIRLINK_ID_CHARS + 1];
  char name[CONTACT_NAME_MAX]; /* the user's name for them; need not be unique here */
  int64_t since_s;             /* seconds since 1970 */
  bool blocked;                /* was blocked and stays so: is told nothing */
} contact_forgotten;

typedef struct contacts {
  char *path;
  char my_name[CONTACT_NAME_MAX]; /* what the user calls themselves; or "" */
  contact *list;                  /* read only, oldest first; pointers into it are valid until the next change */
  size_t count;
  contact_forgotten *forgotten; /* the same */
  size_t forgotten_count;
} contacts;

/* What contacts_add found and changed. */
typedef struct contact_news {
  contact who;                     /* as it is stored now */
  bool is_new;                     /* was not a contact before */
  bool has_new_name;               /* calls itself by another name than before */
  char namesake[CONTACT_NAME_MAX]; /* the contact with another ID whose name is alike; or "" */
} contact_news;

/* Reads the file. A missing file is an empty list. identity_file: from --identity, or NULL. */
int contacts_open(contacts *s, const char *identity_file, char why[PL_WHY_MAX]) PL_MUST_USE;
void contacts_close(contacts *s);

/* Finds a contact by the user's name for it (ignoring case) or by ID. Returns NULL when there is none. */
const contact *contacts_find(const contacts *s, const char *name_or_id);
/* Finds someone whom the user forgot; of several with this name, the last. Returns NULL when there is none. */
const contact_forgotten *contacts_find_forgotten(const contacts *s, const char *name_or_id);
/* Finds a contact with another ID whose name, given by the user or by itself, is the same as `name` or looks like it.
 */
const contact *contacts_namesake(const contacts *s, const char *id, const char *name);

/* Stores someone after pairing. Uses id, own_name (unchecked), relay, how and paired_s of `paired`. A new contact gets
 * a free name made from own_name ("Ana", "Ana 2") or from the ID. A known one keeps the user's name for it, and stays
 * compared and blocked. Someone whom the user forgot is forgotten no longer. */
int contacts_add(contacts *s, const contact *paired, contact_news *news, char why[PL_WHY_MAX]) PL_MUST_USE;

/* Change one contact; `who` is a name or an ID. Return PL_ESTATE when there is no such contact or the new name is
 * taken, PL_EINVAL when the text cannot be a name. */
int contacts_rename(contacts *s, const char *who, const char *name, char why[PL_WHY_MAX]) PL_MUST_USE;
int contacts_forget(contacts *s, const char *who, int64_t now_s, char why[PL_WHY_MAX]) PL_MUST_USE;
int contacts_block(contacts *s, const char *who, bool blocked, char why[PL_WHY_MAX]) PL_MUST_USE;
int contacts_set_compared(contacts *s, const char *who, int64_t when_s, char why[PL_WHY_MAX]) PL_MUST_USE;
int contacts_set_relay(contacts *s, const char *who, const char *relay, char why[PL_WHY_MAX]) PL_MUST_USE;
/* Takes back that someone was forgotten. Returns PL_ESTATE when nobody of this name or ID was. */
int contacts_take_back(contacts *s, const char *who, char why[PL_WHY_MAX]) PL_MUST_USE;
/* Sets what the user calls themselves; "" for no name. */
int contacts_set_my_name(contacts *s, const char *name, char why[PL_WHY_MAX]) PL_MUST_USE;

const char *contact_how_text(contact_how how); /* "id", "code", "link" */
/* Makes a name out of any text: drops what cannot be printed, joins spaces, cuts the length. Returns false when nothing
 * is left, or the rest would be mistaken for something else, such as an ID. */
bool contact_name_clean(const char *text, char out[CONTACT_NAME_MAX]);

#endif
