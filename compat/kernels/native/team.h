// The threads that a kernel shares its work out to, oneDNN's included.
//
// OpenMP's own let a thread spin for milliseconds when it has nothing to do, or not at all. The one
// takes the processor away from those whom it waits for, where other programs compute as well; the
// other costs 10 to 50 µs for each kernel. These spin while that pays (see team.cpp). A part that
// no thread has begun when the caller has done its own is done by the caller.
#ifndef OFM_TEAM_H_
#define OFM_TEAM_H_

namespace ofm {

// Whether the calling thread is one of several that work on something.
bool in_parallel();

// Calls part(argument, number, count) for each number below the count, on as many threads. The
// parts must not wait for each other.
void on_threads(int count, void (*part)(void*, int, int), void* argument);

template<typename Part>
inline void on_threads(int count, const Part& part) {
  on_threads(
      count, [](void* given, int number, int of) { (*static_cast<const Part*>(given))(number, of); },
      const_cast<void*>(static_cast<const void*>(&part)));
}

}  // namespace ofm

#endif  // OFM_TEAM_H_
