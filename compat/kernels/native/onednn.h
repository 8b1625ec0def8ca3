// oneDNN on OneFlow's memory: the engine, the calling thread's stream, primitives kept by key.
#ifndef OFM_ONEDNN_H_
#define OFM_ONEDNN_H_

#include <list>
#include <unordered_map>
#include <utility>

#include "kernel.h"
#include "oneapi/dnnl/dnnl.hpp"

namespace ofm {

inline dnnl::engine& engine() {
  static dnnl::engine one(dnnl::engine::kind::cpu, 0);
  return one;
}

// The calling thread's stream; OpenMP's idea of the number of threads is set to torch's.
inline dnnl::stream& stream() {
  thread_local dnnl::stream one(engine());
  thread_local int told = 0;
  const int count = threads();
  if (count != told) {
    omp_set_num_threads(count);
    told = count;
  }
  return one;
}

// oneDNN's name of a dtype that it computes with.
template<typename T>
struct OnednnType;
template<>
struct OnednnType<float> {
  static constexpr auto value = dnnl::memory::data_type::f32;
};
template<>
struct OnednnType<Half> {
  static constexpr auto value = dnnl::memory::data_type::f16;
};
template<>
struct OnednnType<BFloat16> {
  static constexpr auto value = dnnl::memory::data_type::bf16;
};

using Key = std::vector<int64_t>;

struct KeyHash {
  size_t operator()(const Key& key) const {
    uint64_t hash = 0xcbf29ce484222325u;
    for (int64_t part : key) { hash = (hash ^ static_cast<uint64_t>(part)) * 0x100000001b3u; }
    return hash;
  }
};

// The values that were used last, by key. Not for use by two threads: make it thread_local.
template<typename Value>
class Recent {
 public:
  explicit Recent(size_t capacity) : capacity_(capacity) {}

  // The value kept under the key; made by make() if there is none.
  template<typename Make>
  Value& get(const Key& key, const Make& make) {
    const auto found = places_.find(key);
    if (found != places_.end()) {
      values_.splice(values_.begin(), values_, found->second);
      return values_.front().second;
    }
    values_.emplace_front(key, make());
    places_[key] = values_.begin();
    if (values_.size() > capacity_) {
      places_.erase(values_.back().first);
      values_.pop_back();
    }
    return values_.front().second;
  }

 private:
  size_t capacity_;
  std::list<std::pair<Key, Value>> values_;
  std::unordered_map<Key, typename std::list<std::pair<Key, Value>>::iterator, KeyHash> places_;
};

inline dnnl::memory wrap(const dnnl::memory::desc& desc, const void* pointer) {
  return dnnl::memory(desc, engine(), const_cast<void*>(pointer));
}

}  // namespace ofm

#endif  // OFM_ONEDNN_H_
