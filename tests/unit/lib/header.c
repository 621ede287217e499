/* The public header compiles on its own, in C11 and in C++. */
#include <pairlink.h>

int header_alone(void);
int header_alone(void) {
  return (int)sizeof(pairlink_options) + (int)PAIRLINK_EVENT_STOPPED;
}
