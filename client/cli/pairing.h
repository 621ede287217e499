/* One pairing code in the life of a job: makes or uses the code, tells the user about it, and stores the contact. */
#ifndef PL_CLI_PAIRING_H
#define PL_CLI_PAIRING_H

#include "job.h"

typedef enum pairing_state {
  PAIRING_CONTINUES, /* also for every event that is not about the code */
  PAIRING_DONE,      /* `who` is a contact now and is let in; `session` is set on the side that made the code */
  PAIRING_FAILED     /* the error was printed; exit_code is set */
} pairing_state;

typedef struct pairing {
  job *j;
  const char *other_side; /* the command to type on the other side, shown with a code: "pairlink receive" */
  bool json;              /* also print the events code and paired for scripts */
  unsigned code;          /* the library's number for the code; 0: no code, or it is over */
  bool claims;            /* the other side made the code */
  char text[PAIRLINK_CODE_MAX];
  contact who;
  pairlink_session *session; /* valid until PAIRLINK_EVENT_CLOSED */
  int exit_code;
} pairing;

/* Asks the relay for a code, and shows it when it comes. Call it once, when online. `other_side` must live as long as
 * `p`. Returns 0, or an exit code after printing an error. */
int pairing_make(pairing *p, job *j, const char *other_side, bool json);
/* Uses a code that the other side showed. Returns 0, or an exit code after printing an error. */
int pairing_claim(pairing *p, job *j, const char *code, bool json);
/* Call it with each event of the job. A zeroed `p` ignores all. */
pairing_state pairing_event(pairing *p, const pairlink_event *e);

#endif
