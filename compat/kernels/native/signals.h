// Threads that no signal interrupts.
//
// oneDNN's product of float32 matrices for AVX-512 keeps values below the stack's red zone, where
// the kernel of Linux puts a signal handler's frame: after a Ctrl-C in the middle of it the heap
// is corrupt. A program of oneDNN and an interval timer alone shows it.
#ifndef OFM_SIGNALS_H_
#define OFM_SIGNALS_H_

#include <pthread.h>
#include <signal.h>

#include <initializer_list>

namespace ofm {

inline thread_local bool is_uninterrupted = false;

inline sigset_t interrupting_signals() {
  sigset_t signals;
  sigfillset(&signals);
  // The thread's own faults come at once or kill the process.
  for (int fault : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS}) {
    sigdelset(&signals, fault);
  }
  return signals;
}

// For OpenMP's threads, which are no program's: signals go to the others, for ever.
inline void stay_uninterrupted() {
  if (is_uninterrupted) { return; }
  const sigset_t signals = interrupting_signals();
  is_uninterrupted = pthread_sigmask(SIG_BLOCK, &signals, nullptr) == 0;
}

// Signals wait while one of these lives. Threads made meanwhile are born uninterrupted.
class Uninterrupted {
 public:
  Uninterrupted() : outermost_(!is_uninterrupted) {
    if (!outermost_) { return; }
    const sigset_t signals = interrupting_signals();
    is_uninterrupted = pthread_sigmask(SIG_BLOCK, &signals, &before_) == 0;
    outermost_ = is_uninterrupted;
  }
  ~Uninterrupted() {
    if (!outermost_) { return; }
    is_uninterrupted = false;
    pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }
  Uninterrupted(const Uninterrupted&) = delete;
  Uninterrupted& operator=(const Uninterrupted&) = delete;

 private:
  bool outermost_;
  sigset_t before_;
};

}  // namespace ofm

#endif  // OFM_SIGNALS_H_
