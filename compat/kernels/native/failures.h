// What becomes of a check of OneFlow's that fails.
#ifndef OFM_FAILURES_H_
#define OFM_FAILURES_H_

#include "calls.h"

namespace ofm {

// Whether operators run on the thread that calls them (engine.cpp).
bool runs_at_once();

// Have failed checks raise where operators run at once.
void raise_failed_checks(const calls::Library& library);

}  // namespace ofm

#endif  // OFM_FAILURES_H_
