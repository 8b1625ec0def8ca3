// What becomes of what fails within OneFlow.
#ifndef OFM_FAILURES_H_
#define OFM_FAILURES_H_

#include "calls.h"

namespace ofm {

// Whether operators run on the thread that calls them (engine.cpp).
bool runs_at_once();

// Have what fails raise where operators run at once, instead of ending the process.
void raise_failures(const calls::Library& library);

}  // namespace ofm

#endif  // OFM_FAILURES_H_
