// PyTorch's random numbers on the CPU, from the state of the mt19937 that NumPy keeps.
//
// The order and number of the words is PyTorch's; see sampling.py, which does the same with NumPy.
#include "lanes.h"

namespace ofm {
namespace {

constexpr int kWords = 624, kMiddle = 397;
// Words that are made at a time.
constexpr int64_t kPart = 1024;

// NumPy's mt19937_state.
struct State {
  uint32_t key[kWords];
  int place;
};

inline uint32_t twisted(uint32_t one, uint32_t next, uint32_t other) {
  const uint32_t both = (one & 0x80000000u) | (next & 0x7fffffffu);
  return other ^ (both >> 1) ^ (next & 1 ? 0x9908b0dfu : 0u);
}

void refill(State* state) {
  uint32_t* key = state->key;
#pragma GCC ivdep
  for (int i = 0; i < kWords - kMiddle; ++i) {
    key[i] = twisted(key[i], key[i + 1], key[i + kMiddle]);
  }
  // What is read was written more than a register's width before.
#pragma GCC ivdep
  for (int i = kWords - kMiddle; i < kWords - 1; ++i) {
    key[i] = twisted(key[i], key[i + 1], key[i + kMiddle - kWords]);
  }
  key[kWords - 1] = twisted(key[kWords - 1], key[0], key[kMiddle - 1]);
  state->place = 0;
}

void draw(State* state, uint32_t* out, int64_t count) {
  while (count > 0) {
    if (state->place == kWords) { refill(state); }
    const int64_t ready = std::min<int64_t>(count, kWords - state->place);
    const uint32_t* key = state->key + state->place;
    for (int64_t i = 0; i < ready; ++i) {
      uint32_t word = key[i];
      word ^= word >> 11;
      word ^= (word << 7) & 0x9d2c5680u;
      word ^= (word << 15) & 0xefc60000u;
      out[i] = word ^ (word >> 18);
    }
    state->place += static_cast<int>(ready);
    out += ready;
    count -= ready;
  }
}

// The number of 53 bits that two words make, the high one first.
inline uint64_t wide_bits(uint64_t pair) {
  return ((pair << 32) | (pair >> 32)) & ((uint64_t{1} << 53) - 1);
}

// Calls body(words, first element, count) for all elements in order.
template<typename Word, typename Body>
void by_parts(void* state, int64_t count, const Body& body) {
  alignas(64) Word words[kPart * sizeof(uint32_t) / sizeof(Word)];
  constexpr int64_t size = sizeof words / sizeof(Word);
  for (int64_t first = 0; first < count; first += size) {
    const int64_t part = std::min(size, count - first);
    draw(static_cast<State*>(state), reinterpret_cast<uint32_t*>(words),
         part * static_cast<int64_t>(sizeof(Word) / sizeof(uint32_t)));
    body(words, first, part);
  }
}

template<typename T>
void choose(const uint64_t* words, uint64_t bound, void* to, int64_t first, int64_t count,
            const void* values) {
  T both[2];
  std::memcpy(both, values, sizeof both);
  T* out = static_cast<T*>(to) + first;
  const T no = both[0], yes = both[1];
  for (int64_t i = 0; i < count; ++i) { out[i] = wide_bits(words[i]) < bound ? yes : no; }
}

void choose(int bytes, const uint64_t* words, uint64_t bound, void* to, int64_t first,
            int64_t count, const void* values) {
  switch (bytes) {
    case 1: return choose<uint8_t>(words, bound, to, first, count, values);
    case 2: return choose<uint16_t>(words, bound, to, first, count, values);
    case 4: return choose<uint32_t>(words, bound, to, first, count, values);
    default: return choose<uint64_t>(words, bound, to, first, count, values);
  }
}

constexpr float kUnit = 5.9604644775390625e-8f;  // 2^-24

}  // namespace
}  // namespace ofm

extern "C" {

// Draws `count` booleans that are true where 53 bits are below bound, and writes for each, to each
// of the outputs, the second or the first of the output's two values of so many bytes.
__attribute__((visibility("default"))) void ofm_draw_choices(void* state, int64_t count,
                                                             uint64_t bound, int bytes,
                                                             void* out, const void* values,
                                                             void* other, const void* others) {
  using namespace ofm;
  by_parts<uint64_t>(state, count, [&](const uint64_t* words, int64_t first, int64_t part) {
    choose(bytes, words, bound, out, first, part, values);
    if (other != nullptr) { choose(bytes, words, bound, other, first, part, others); }
  });
}

// Draws floats low + span u, with u of 24 bits in [0, 1); low where rounding has reached `excluded`.
__attribute__((visibility("default"))) void ofm_draw_floats(void* state, int64_t count, float low,
                                                            float span, float excluded,
                                                            float* out) {
  using namespace ofm;
  by_parts<uint32_t>(state, count, [&](const uint32_t* words, int64_t first, int64_t part) {
    for (int64_t i = 0; i < part; ++i) {
      const float u = static_cast<float>(static_cast<int32_t>(words[i] & 0xffffff)) * kUnit;
      const float value = math::fma(u, span, low);
      out[first + i] = value == excluded ? low : value;
    }
  });
}

// The same of doubles, with u of 53 bits.
__attribute__((visibility("default"))) void ofm_draw_doubles(void* state, int64_t count,
                                                             double low, double span,
                                                             double excluded, double* out) {
  using namespace ofm;
  by_parts<uint64_t>(state, count, [&](const uint64_t* words, int64_t first, int64_t part) {
    for (int64_t i = 0; i < part; ++i) {
      const double u = static_cast<double>(static_cast<int64_t>(wide_bits(words[i])));
      const double value = math::fma(u * 0x1p-53, span, low);
      out[first + i] = value == excluded ? low : value;
    }
  });
}

// Draws normal floats, 16 at a time, from the radii and angles that 16 uniform ones are: the count
// is a multiple of that.
__attribute__((visibility("default"))) void ofm_draw_normals(void* state, int64_t count,
                                                             float mean, float std, float* out) {
  using namespace ofm;
  using lanes::Lanes;
  by_parts<uint32_t>(state, count, [&](const uint32_t* words, int64_t first, int64_t part) {
    alignas(64) float radii[kPart / 2] = {}, angles[kPart / 2] = {};
    for (int64_t i = 0; i < part / 16; ++i) {
      for (int64_t j = 0; j < 8; ++j) {
        const auto one = static_cast<int32_t>(words[16 * i + j] & 0xffffff);
        const auto other = static_cast<int32_t>(words[16 * i + 8 + j] & 0xffffff);
        radii[8 * i + j] = 1 - static_cast<float>(one) * kUnit;
        angles[8 * i + j] = static_cast<float>(other) * kUnit * 6.28318548f;
      }
    }
    const int64_t half = part / 2;
    lanes::each(half, radii, [](Lanes u) OFM_INLINE { return lanes::log(u) * -2.f; }, radii);
    for (int64_t i = 0; i < half; ++i) { radii[i] = math::sqrt(radii[i]); }
    alignas(64) float sines[kPart / 2];
    lanes::each(half, sines, [](Lanes x) OFM_INLINE { return lanes::sin(x); }, angles);
    lanes::each(half, angles, [](Lanes x) OFM_INLINE { return lanes::cos(x); }, angles);
    for (int64_t i = 0; i < part / 16; ++i) {
      float* to = out + first + 16 * i;
      for (int64_t j = 0; j < 8; ++j) {
        const int64_t at = 8 * i + j;
        to[j] = math::fma(angles[at] * radii[at], std, mean);
        to[8 + j] = math::fma(sines[at] * radii[at], std, mean);
      }
    }
  });
}
}
