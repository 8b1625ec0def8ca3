// The threads of the kernels and of oneDNN.
//
// A thread that has done its part looks out for the next one for a while, and then sleeps. So does
// the caller, who waits for the others. On idle processors that saves waking them, at 10 to 50 µs,
// for each of the hundred kernels of a small model. Where other programs want the processors, a
// thread that spins is in the way of the one that it waits for, so for a time nobody spins then.
// It shows in that the clock jumps between two looks at it, in a thread that is long in waking or
// in beginning its part, and in a part that takes far longer than the caller's.
#include "team.h"

#include <dlfcn.h>
#include <immintrin.h>
#include <linux/futex.h>
#include <omp.h>
#include <pthread.h>
#include <sched.h>
#include <strings.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <climits>
#include <cstdint>
#include <cstdlib>
#include <utility>
#include <vector>

#include "calls.h"
#include "oneapi/dnnl/dnnl.h"
#include "signals.h"

// GCC's, as they are called by what it compiles.
extern "C" {
void GOMP_parallel_start(void (*)(void*), void*, unsigned);
void GOMP_parallel_end();
void GOMP_barrier();
bool GOMP_loop_static_start(long, long, long, long, long*, long*);
bool GOMP_loop_static_next(long*, long*);
void GOMP_loop_end_nowait();
}

namespace ofm {
namespace {

// --- waiting -------------------------------------------------------------------------------------

using Word = std::atomic<uint32_t>;

void sleep_while(Word& word, uint32_t value) {
  syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, value, nullptr, nullptr, 0);
}
void wake_all(Word& word) {
  syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, INT_MAX, nullptr, nullptr, 0);
}

constexpr int64_t kMicrosecond = 1000;
constexpr int64_t kMillisecond = 1000 * kMicrosecond;

// How long a thread looks out for its next part, and a caller at least for the others' ends.
constexpr int64_t kLookOut = kMillisecond;
constexpr int64_t kPatience = 200 * kMicrosecond;
constexpr int64_t kMostPatience = 5 * kMillisecond;
constexpr int64_t kHardlyAny = 2 * kMicrosecond;
// Between two looks at the clock lies a microsecond, unless another program ran.
constexpr int64_t kJump = 200 * kMicrosecond;
// A thread that is looking out begins at once, and one that is woken is awake soon.
constexpr int64_t kLate = 50 * kMicrosecond;
constexpr int64_t kLateAwake = 300 * kMicrosecond;

int64_t now() {
  timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1000 * kMillisecond + time.tv_nsec;
}

std::atomic<int64_t> crowded_until{0};
std::atomic<int64_t> crowded_for{0};

// Nobody spins for 20 ms, and for longer if that was the case just before.
void note_crowd(int64_t time) {
  const int64_t until = crowded_until.load(std::memory_order_relaxed);
  if (time < until) { return; }
  const int64_t before = crowded_for.load(std::memory_order_relaxed);
  const bool again = time - until < 50 * kMillisecond;
  const int64_t span = again ? std::min(2 * before, 160 * kMillisecond) : 20 * kMillisecond;
  crowded_for.store(span, std::memory_order_relaxed);
  crowded_until.store(time + span, std::memory_order_relaxed);
}

bool says(const char* name, const char* value) {
  const char* given = std::getenv(name);
  return given != nullptr && strcasecmp(given, value) == 0;
}

// Whether threads may spin at all: the variables that tell OpenMP's to.
bool may_spin() {
  static const bool may = !says("OMP_WAIT_POLICY", "passive") && !says("GOMP_SPINCOUNT", "0")
                          && !says("KMP_BLOCKTIME", "0");
  return may;
}

int processors() {
  static const int count = [] {
    cpu_set_t allowed;
    return sched_getaffinity(0, sizeof allowed, &allowed) == 0 ? CPU_COUNT(&allowed)
                                                               : omp_get_num_procs();
  }();
  return count;
}

// More threads than processors.
std::atomic<bool> is_too_large{false};

bool is_crowded(int64_t time) {
  return !may_spin() || is_too_large.load(std::memory_order_relaxed)
         || time < crowded_until.load(std::memory_order_relaxed);
}

// Looks again and again whether it has come, for so long; returns whether it has.
template<typename Come>
bool spin(int64_t span, const Come& come) {
  const int64_t begin = now();
  for (int64_t last = begin;;) {
    for (int i = 0; i < 32; ++i) {
      if (come()) { return true; }
      _mm_pause();
    }
    const int64_t time = now();
    if (time - last > kJump) { note_crowd(time); }
    if (time - begin > span || is_crowded(time)) { return come(); }
    last = time;
  }
}

// --- the team ------------------------------------------------------------------------------------

enum : uint32_t { kIdle, kPosted, kRunning };

// A thread's place. Each has lines of the cache of its own.
struct alignas(128) Seat {
  Word state{kIdle};
  std::atomic<bool> is_asleep{false};
  std::atomic<int64_t> woken{0};  // when, by the caller
};

using Run = void (*)(void*);

// What a thread works on: one of `count` parts of its team's.
struct Member {
  bool is_one = false;  // of a team here, and not of OpenMP's
  bool in_parallel = false;
  int number = 0, count = 1;
};
thread_local Member member;

struct Team {
  std::vector<Seat*> seats;
  Run run = nullptr;
  void* data = nullptr;
  int count = 1, most = 1;
  int64_t begun = 0;
  bool was_crowded = false;
  alignas(128) Word left{0};
  std::atomic<bool> caller_sleeps{false};
  // For parts that wait for each other, which only oneDNN has.
  alignas(128) Word arrived{0};
  Word generation{0};
};

struct Start {
  Team* team;
  Seat* seat;
  int number;
};

// The team that there is, and whether it has work. A child of fork has none of the threads.
std::atomic<Team*> the_team{nullptr};
std::atomic<bool> is_taken{false};

void done(Team& team) {
  if (team.left.fetch_sub(1) == 1 && team.caller_sleeps.load()) { wake_all(team.left); }
}

void* work(void* given) {
  const Start start = *static_cast<Start*>(given);
  delete static_cast<Start*>(given);
  stay_uninterrupted();
  Team& team = *start.team;
  Seat& seat = *start.seat;
  const auto has_come = [&] { return seat.state.load(std::memory_order_acquire) == kPosted; };
  for (;;) {
    if (is_crowded(now()) || !spin(kLookOut, has_come)) {
      seat.is_asleep.store(true);
      if (seat.state.load() != kPosted) { sleep_while(seat.state, kIdle); }
      seat.is_asleep.store(false);
      const int64_t woken = seat.woken.exchange(0), time = now();
      if (woken != 0 && time - woken > kLateAwake) { note_crowd(time); }
    }
    uint32_t state = kPosted;
    if (!seat.state.compare_exchange_strong(state, kRunning)) { continue; }
    member = {true, true, start.number, team.count};
    team.run(team.data);
    member = Member();
    seat.state.store(kIdle);
    done(team);
  }
  return nullptr;
}

// Makes the threads that are missing; false if there cannot be as many.
bool grow(Team& team, int count) {
  // A signal's handler is to run on a thread of the program's.
  const Uninterrupted born_uninterrupted;
  while (static_cast<int>(team.seats.size()) < count - 1) {
    Seat* seat = new Seat;
    Start* start = new Start{&team, seat, static_cast<int>(team.seats.size()) + 1};
    pthread_t thread;
    if (pthread_create(&thread, nullptr, work, start) != 0) {
      delete start;
      delete seat;
      return false;
    }
    pthread_detach(thread);
    team.seats.push_back(seat);
  }
  return true;
}

// Gives the team's threads their parts of a work; the caller has part 0 to do himself. False, and
// nothing done, if the team has work already.
bool begin(Run run, void* data, int count) {
  if (is_taken.exchange(true)) { return false; }
  Team* team = the_team.load();
  if (team == nullptr) { the_team = team = new Team; }
  if (!grow(*team, count)) {
    is_taken = false;
    return false;
  }
  team->run = run;
  team->data = data;
  team->count = count;
  team->most = omp_get_max_threads();
  is_too_large.store(count > processors(), std::memory_order_relaxed);
  team->begun = now();
  team->was_crowded = is_crowded(team->begun);
  team->left.store(count - 1, std::memory_order_relaxed);
  for (int i = 0; i < count - 1; ++i) {
    Seat& seat = *team->seats[i];
    seat.state.store(kPosted);
    if (seat.is_asleep.load()) {
      int64_t nobody = 0;
      seat.woken.compare_exchange_strong(nobody, team->begun);
      wake_all(seat.state);
      team->was_crowded = true;  // it says nothing if this one begins late
    }
  }
  member = {true, true, 0, count};
  return true;
}

// The caller's part is done: what nobody has begun, too, and the rest waited for.
void end() {
  Team& team = *the_team.load();
  const int64_t time = now();
  bool is_late = false;
  // In a crowd it sleeps while others have the processors, and each thread gets a share of them.
  for (int i = 0; i < team.count - 1 && !is_crowded(time); ++i) {
    uint32_t state = kPosted;
    if (!team.seats[i]->state.compare_exchange_strong(state, kIdle)) { continue; }
    is_late = is_late || (!team.was_crowded && time - team.begun > kLate);
    member.number = i + 1;
    team.run(team.data);
    done(team);
  }
  if (is_late) { note_crowd(time); }
  member = Member();
  const auto have_come = [&] { return team.left.load(std::memory_order_acquire) == 0; };
  if (!have_come()) {
    const bool is_hopeless = is_crowded(time);
    const int64_t tell_tale = std::max(kPatience, 2 * (time - team.begun));
    const int64_t patience = is_hopeless ? kHardlyAny : std::min(tell_tale, kMostPatience);
    if (!spin(patience, have_come)) {
      if (patience == tell_tale) { note_crowd(now()); }
      team.caller_sleeps.store(true);
      for (uint32_t left = team.left.load(); left != 0; left = team.left.load()) {
        sleep_while(team.left, left);
      }
      team.caller_sleeps.store(false);
    }
  }
  is_taken.store(false);
}

// Waits until all of the team have come here.
void meet() {
  Team& team = *the_team.load();
  const uint32_t generation = team.generation.load();
  if (static_cast<int>(team.arrived.fetch_add(1)) == team.count - 1) {
    team.arrived.store(0);
    team.generation.fetch_add(1);
    wake_all(team.generation);
    return;
  }
  const auto has_come = [&] { return team.generation.load() != generation; };
  if (spin(is_crowded(now()) ? kHardlyAny : kPatience, has_come)) { return; }
  while (!has_come()) { sleep_while(team.generation, generation); }
}

const bool knows_of_fork = [] {
  pthread_atfork(nullptr, nullptr, [] {
    the_team = nullptr;
    is_taken = false;
    member = Member();
  });
  return true;
}();

}  // namespace

bool in_parallel() { return member.is_one ? member.in_parallel : omp_in_parallel(); }

void on_threads(int count, void (*part)(void*, int, int), void* argument) {
  struct Given {
    void (*part)(void*, int, int);
    void* argument;
  } given{part, argument};
  const Run run = [](void* data) {
    const Given& one = *static_cast<Given*>(data);
    one.part(one.argument, member.number, member.count);
  };
  if (count > 1 && !in_parallel() && begin(run, &given, count)) {
    run(&given);
    end();
    return;
  }
  for (int number = 0; number < count; ++number) { part(argument, number, count); }
}

// --- oneDNN's ------------------------------------------------------------------------------------

namespace {

// oneDNN is compiled for OpenMP, and asks these functions of GCC's for threads. They are replaced
// in the table by which it calls them. What they are asked outside of a team, and by threads that
// compute while another one has the team, OpenMP answers.

// Who has answered parallel_start, of those that have not ended: innermost last.
enum class By : uint8_t { kTeam, kNobody, kOpenMP };
thread_local std::vector<std::pair<By, Member>> regions;

void parallel_start(Run run, void* data, unsigned wanted) {
  const Member before = member;
  const bool is_inner = in_parallel();
  const int count = wanted != 0 ? static_cast<int>(wanted) : omp_get_max_threads();
  if (count > 1 && !is_inner && begin(run, data, count)) {
    regions.emplace_back(By::kTeam, before);
  } else if (count == 1 || (is_inner && member.is_one)) {
    regions.emplace_back(By::kNobody, before);
    member = {true, is_inner, 0, 1};
  } else {
    regions.emplace_back(By::kOpenMP, before);
    member = Member();
    GOMP_parallel_start(run, data, wanted);
  }
}

void parallel_end() {
  const auto region = regions.back();
  regions.pop_back();
  switch (region.first) {
    case By::kTeam: end(); break;
    case By::kOpenMP: GOMP_parallel_end(); break;
    case By::kNobody: break;
  }
  member = region.second;
}

void barrier() {
  if (!member.is_one) {
    GOMP_barrier();
  } else if (member.count > 1) {
    meet();
  }
}

int get_max_threads() {
  return member.is_one && member.in_parallel ? the_team.load()->most : omp_get_max_threads();
}
int get_num_threads() { return member.is_one ? member.count : omp_get_num_threads(); }
int get_thread_num() { return member.is_one ? member.number : omp_get_thread_num(); }
int is_in_parallel() { return in_parallel(); }

// Loops in turns of `chunk`, or in one part for each.
struct Loop {
  long next, end, step, chunk;
  bool is_single;
};
thread_local Loop loop;

bool loop_static_next(long* from, long* to) {
  if (!member.is_one) { return GOMP_loop_static_next(from, to); }
  Loop& l = loop;
  if (l.step > 0 ? l.next >= l.end : l.next <= l.end) { return false; }
  *from = l.next;
  const long stop = l.next + l.chunk * l.step;
  *to = l.step > 0 ? std::min(stop, l.end) : std::max(stop, l.end);
  l.next = l.is_single ? l.end : l.next + l.chunk * l.step * member.count;
  return true;
}

bool loop_static_start(long first, long end, long step, long chunk, long* from, long* to) {
  if (!member.is_one) { return GOMP_loop_static_start(first, end, step, chunk, from, to); }
  const long turns = (end - first + step + (step > 0 ? -1 : 1)) / step;
  const long count = member.count, number = member.number;
  Loop& l = loop;
  l.step = step;
  l.is_single = chunk == 0;
  if (chunk == 0) {
    const long begin = turns * number / count;
    l.chunk = turns * (number + 1) / count - begin;
    l.next = first + begin * step;
    l.end = first + (begin + l.chunk) * step;
    if (l.chunk <= 0) { l.next = l.end; }
  } else {
    l.chunk = chunk;
    l.next = first + number * chunk * step;
    l.end = end;
  }
  return loop_static_next(from, to);
}

void loop_end_nowait() {
  if (!member.is_one) { GOMP_loop_end_nowait(); }
}

const bool onednn_is_ours = [] {
  const calls::Library library = calls::library("/libdnnl.so.3");
  Dl_info where;
  if (library.symbols == nullptr || dladdr(reinterpret_cast<void*>(&dnnl_sgemm), &where) == 0
      || reinterpret_cast<ElfW(Addr)>(where.dli_fbase) != library.base) {
    return false;
  }
  std::vector<std::pair<void**, void*>> slots;
  bool has_all = true;
  const auto take = [&](const char* name, auto* ours) {
    void** slot = calls::slot_of(library, calls::foreign_symbol_number(library, name));
    slots.emplace_back(slot, reinterpret_cast<void*>(ours));
    has_all = has_all && slot != nullptr;
  };
  take("GOMP_parallel_start", parallel_start);
  take("GOMP_parallel_end", parallel_end);
  take("GOMP_barrier", barrier);
  take("GOMP_loop_static_start", loop_static_start);
  take("GOMP_loop_static_next", loop_static_next);
  take("GOMP_loop_end_nowait", loop_end_nowait);
  take("omp_get_max_threads", get_max_threads);
  take("omp_get_num_threads", get_num_threads);
  take("omp_get_thread_num", get_thread_num);
  take("omp_in_parallel", is_in_parallel);
  for (size_t i = 0; has_all && i < slots.size(); ++i) {
    has_all = calls::replace(library, slots[i].first, slots[i].second);
  }
  return has_all;
}();

}  // namespace
}  // namespace ofm
