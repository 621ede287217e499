/* Worlds that reach the limits. Four kinds, which may come together; each has random numbers of its own:
 *
 *   small      settings of the relay and windows of the clients near the ends of their ranges
 *   crowds     many instances of one ID, several senders to one slow reader, bursts (sim_crowds.c)
 *   admission  relays that admit with a token or not at all; clients at several addresses (sim_admission.c)
 *   poor       a relay that lacks memory, stands still, or whose bus loses one direction (sim_poor.c)
 *
 * In half of the small worlds the limits suffice for these clients: everything must work in the end. In the others,
 * which are *tight*, they need not, so the operator raises them when faults are over, and restarts the relay. */
#ifndef PL_SIM_LIMITS_H
#define PL_SIM_LIMITS_H

#include "sim.h"

enum { SIM_NOTICES = 8 };

typedef enum sim_place {
  SIM_PLACE_SHARED,
  SIM_PLACE_SUBNET,
  SIM_PLACE_OTHER,
  SIM_PLACE_IPV4,
  SIM_PLACE_HERE
} sim_place;

/* A worker has yet to hear that something between it and another one was lost. */
typedef struct sim_notice {
  uint64_t at_us; /* 0: unused */
  unsigned worker, about;
  bool receiver; /* it was to be told something */
} sim_notice;

typedef struct sim_limits {
  bool small, crowded, admitting, poor;
  /* small */
  sim_random random;
  bool tight;
  uint32_t ample[PL_RELAY_SETTINGS]; /* what the operator sets at last */
  uint64_t allow_us;                 /* when applications allow everybody again */
  /* crowds */
  sim_random crowd_random;
  bool slow_reader; /* all others send to client 0 */
  bool one_id;      /* all clients have one ID */
  unsigned burst_percent;
  /* admission */
  sim_random admission_random;
  bool proxied; /* clients come through a proxy that the relay trusts */
  bool moves;   /* the relay names other addresses when it drains */
  pl_relay_cidr proxy;
  bool page; /* clients are pages: their requests name an origin */
  sim_place place[SIM_CLIENTS];
  uint8_t address[SIM_CLIENTS][16];
  char fields[SIM_CLIENTS][192]; /* more fields of the upgrade request */
  bool has_token[SIM_CLIENTS], revoked[SIM_CLIENTS];
  bool refused[SIM_CLIENTS];      /* the store's last answer about its ID was that it may not log in */
  uint64_t retry_us[SIM_CLIENTS]; /* it has given up, and its application tries again then; 0: it has not */
  unsigned token_uses;
  /* poor */
  sim_random poor_random;
  bool forgetful; /* allocations of the relay fail */
  uint64_t asleep_until_us, woke_us;
  sim_notice notices[SIM_NOTICES];
} sim_limits;

/* sim_limits.c */
void sim_limits_init(sim_world *w); /* decides what kind of world it is */
void sim_limits_free(sim_world *w);
void sim_limits_scene(sim_world *w); /* the number of clients and their lines */
void sim_limits_relay(sim_world *w); /* the relay's settings; call it when all others are set */
void sim_limits_client(sim_client *c);
void sim_limits_heal(sim_world *w);
uint64_t sim_limits_due(const sim_world *w);
bool sim_limits_happen(sim_world *w); /* returns false when nothing was due */
/* Returns true when the relay may refuse an upgrade with this answer: its memory ran out, or the client comes through
 * a proxy, and its address has too many connections. */
bool sim_limits_may_refuse(const sim_client *c, const char *head);
/* Returns true when the client has as many sessions as it may have. */
bool sim_limits_no_session(const sim_client *c);
/* Returns true when this session may stay without a link, because its peer has other sessions and no room for it. */
bool sim_limits_may_wait(const sim_client *c, const sim_session *s);

/* sim_limits_check.c */
void sim_limits_check(const sim_worker *v); /* after a turn of this worker */

/* sim_crowds.c */
void sim_crowds_scene(sim_world *w);
void sim_crowds_relay(sim_world *w);
void sim_crowds_client(sim_client *c);
bool sim_crowds_fault(sim_world *w);                /* returns true when something went wrong */
int sim_crowds_peer(const sim_client *c, int peer); /* whom to call instead of this peer */
bool sim_crowds_act(sim_client *c);                 /* returns true when it did something */

/* sim_admission.c */
void sim_admission_scene(sim_world *w);
void sim_admission_relay(sim_world *w);
void sim_admission_client(sim_client *c);
void sim_admission_heal(sim_world *w);
const uint8_t *sim_admission_address(const sim_client *c); /* where the relay sees it */
const char *sim_admission_fields(const sim_client *c);     /* more fields of its upgrade request, or "" */
pl_relay_registration sim_admission_judge(sim_relay *r, const sim_job *job, pl_relay_registration result);
void sim_admission_online(const sim_client *c);
/* Returns true when the client may give up, because the store said that it may not log in. Its application tries again
 * later. */
bool sim_admission_gives_up(sim_client *c, int reason);
bool sim_admission_waits(const sim_client *c); /* it has given up */
uint64_t sim_admission_due(const sim_world *w);
void sim_admission_happen(sim_world *w);

/* sim_poor.c */
void sim_poor_relay(sim_world *w);
void sim_poor_hunger(sim_world *w); /* one of the relay's next allocations may fail, until sim_poor_fed */
void sim_poor_fed(const sim_world *w);
bool sim_poor_fault(sim_world *w); /* returns true when something went wrong */
void sim_poor_heal(sim_world *w);
uint64_t sim_poor_awake(const sim_world *w, uint64_t at_us);     /* when the relay sees what happens at this time */
uint64_t sim_poor_relay_due(const sim_world *w, uint64_t at_us); /* the same for its own work, and when it wakes */
bool sim_poor_forgets(const sim_world *w);                       /* its allocations fail now and then */
bool sim_poor_stands(const sim_world *w);
bool sim_poor_wakes(sim_world *w); /* returns true when it had stood still until now */
uint64_t sim_poor_due(const sim_world *w);
bool sim_poor_happen(sim_world *w); /* returns false when nothing was due */
void sim_poor_relay_ended(sim_world *w);
/* Returns true while the receiver has yet to hear of a loss: nothing that was sent later may arrive before that. */
bool sim_poor_gap(const sim_world *w, unsigned from, unsigned to);

#endif
