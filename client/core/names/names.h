/* Names that look alike (docs/protocol.md, section 7): whether a reader may take one name for the other.
 *
 * Pure: a constant table, schema/lookalikes.def, and searches in it. Text from outside may be anything of any length.
 * Nothing is allocated; the time grows with the length of the two names. */
#ifndef PL_NAMES_H
#define PL_NAMES_H

#include "../base/base.h"

/* Returns true when the two names, in UTF-8, look the same to a reader. A name of which nothing is visible looks like
 * no other. A byte that is not part of valid UTF-8 looks like itself. */
bool pl_names_alike(pl_view a, pl_view b);

#endif
