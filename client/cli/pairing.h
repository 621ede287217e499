/* One pairing code inside of a job: making one or using one, what is said about it, and the contact at its end. */
#ifndef PL_CLI_PAIRING_H
#define PL_CLI_PAIRING_H

#include "job.h"

typedef enum pairing_state {
  PAIRING_GOES_ON, /* also: the event was none of a code */
  PAIRING_DONE,    /* `who` is a contact now, and may come in; `session` where this side made the code */
  PAIRING_FAILED   /* said already; exit_code */
} pairing_state;

typedef struct pairing {
  job *j;
  const char *other_side; /* what to type there, said with a code: "pairlink receive" */
  bool json;              /* events for scripts on stdout as well: code, paired */
  unsigned code;          /* its number; 0: none, or over */
  bool claims;            /* somebody else made it */
  char text[PAIRLINK_CODE_MAX];
  contact who;
  pairlink_session *session; /* good until PAIRLINK_EVENT_CLOSED, as ever */
  int exit_code;
} pairing;

/* Makes a code; it is shown once the relay gave it. To be called when online, once. Says what fails. */
int pairing_make(pairing *p, job *j, const char *other_side, bool json);
/* Uses a code that somebody told. Says what fails. */
int pairing_claim(pairing *p, job *j, const char *code, bool json);
/* For each event of the job. */
pairing_state pairing_event(pairing *p, const pairlink_event *e);

#endif
