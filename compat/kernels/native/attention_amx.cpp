// Attention in float16 and bfloat16 by the tile instructions. The weights are rounded to the bits
// that a factor has (8, and 16 for float16), all sums are float's.
#include "attention.h"
#include "vector_math.h"

// After all others: it changes what is compiled for.
#include "amx_rows.h"

namespace ofm {

#ifdef OFM_AMX

namespace {

using amx::kDepth;
using amx::kSide;
using amx::kTile;
using amx::padded;
using amx::Source;
using amx::spread;
using amx::tiles;
using amx::Tiles;

constexpr int64_t kQueries = 128;
constexpr int64_t kKeys = 512;
constexpr int64_t kGradientQueries = 256;
constexpr int64_t kGradientKeys = 256;
// Keys and values are laid out for as many heads at a time as fit in here.
constexpr int64_t kPackedBytes = int64_t{64} << 20;
constexpr float kLog2E = 1.44269504f, kLn2 = 0.693147181f;
constexpr float kNone = -std::numeric_limits<float>::infinity();

template<typename T>
Source<T> source(const View& view, int64_t batch, int64_t head, int64_t row, int64_t rows) {
  return {at<T>(view, batch, head, row), view.stride[2], view.size[3] == 1 ? 1 : view.stride[3],
          rows, view.size[3]};
}

// 2^x for x ≤ 0, or NaN, within 3e-6. What underflows is left out: the processor would be slow.
OFM_ROWS __m512 power_below(__m512 x) {
  const __mmask16 normal = _mm512_cmp_ps_mask(x, _mm512_set1_ps(-126.f), _CMP_NLT_UQ);
  const __m512 n = _mm512_roundscale_ps(x, _MM_FROUND_TO_NEAREST_INT);
  const __m512 r = _mm512_sub_ps(x, n);
  __m512 p = _mm512_set1_ps(9.570101881e-03f);
  p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(5.591786032e-02f));
  p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(2.402474483e-01f));
  p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(6.931218147e-01f));
  p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(9.999992614e-01f));
  return _mm512_maskz_scalef_ps(normal, p, n);
}

// NaN are passed over: they show in the sum.
OFM_ROWS float largest(const float* x, int64_t count) {
  __m512 most[4];
  for (auto& one : most) { one = _mm512_set1_ps(kNone); }
  int64_t i = 0;
  for (; i + 64 <= count; i += 64) {
    for (int j = 0; j < 4; ++j) {
      most[j] = _mm512_max_ps(_mm512_loadu_ps(x + i + 16 * j), most[j]);
    }
  }
  for (; i < count; i += 16) { most[0] = _mm512_max_ps(_mm512_loadu_ps(x + i), most[0]); }
  return _mm512_reduce_max_ps(
      _mm512_max_ps(_mm512_max_ps(most[0], most[1]), _mm512_max_ps(most[2], most[3])));
}

OFM_ROWS __m512i joined(__m256i low, __m256i high) {
  return _mm512_inserti64x4(_mm512_castsi256_si512(low), high, 1);
}

// What becomes of a row of scores: 2^(score * factor - most), stored as one row of a left factor's
// tiles. Returns the sum.
template<int kParts>
float weigh(const float* scores, int64_t count, float factor, float most, uint16_t* high,
            uint16_t* low) {
  const __m512 f = _mm512_set1_ps(factor), m = _mm512_set1_ps(most);
  __m512 sum = _mm512_setzero_ps(), other = _mm512_setzero_ps();
  for (int64_t j = 0; j < count; j += kDepth) {
    const __m512 x = power_below(_mm512_fmsub_ps(_mm512_loadu_ps(scores + j), f, m));
    const __m512 y = power_below(_mm512_fmsub_ps(_mm512_loadu_ps(scores + j + 16), f, m));
    sum = _mm512_add_ps(sum, x);
    other = _mm512_add_ps(other, y);
    const __m256i a = amx::narrowed(x), b = amx::narrowed(y);
    _mm512_storeu_si512(high + j * kSide, joined(a, b));
    if (kParts > 1) {
      _mm512_storeu_si512(low + j * kSide, joined(amx::rest(x, a), amx::rest(y, b)));
    }
  }
  return _mm512_reduce_add_ps(_mm512_add_ps(sum, other));
}

// Scores that are to be looked at no more, and scale and mask where they are not left to `weigh`.
// Returns the factor that is left.
float prepare(const Problem& p, int64_t batch, int64_t head, int64_t row, int64_t key,
              int64_t count, float* scores) {
  float factor = static_cast<float>(p.scale);
  if (p.masked || !(factor > 0)) {
    for (int64_t j = 0; j < count; ++j) { scores[j] *= factor; }
    factor = 1;
    if (p.masked) { mask_row(p.mask, batch, head, row, key, count, scores); }
  }
  const int64_t seen = p.causal ? std::min(count, std::max<int64_t>(row + 1 - key, 0)) : count;
  std::fill(scores + seen, scores + padded(count, kDepth), kNone);
  return factor;
}

template<typename T>
struct Memory {
  amx::Scratch<uint16_t> query, lines, weights[2], pairs[2], slopes[2], slope_pairs[2], gradient,
      query_columns[2], gradient_columns[2], keys, key_rows[2], values;
  amx::Scratch<float> scores, other, sums, key_sums, value_sums;
  amx::Scratch<T> row;
};

// --- forward -------------------------------------------------------------------------------------

// The keys and values of some heads, laid out as right factors.
template<typename T>
struct Packed {
  static constexpr int kParts = amx::parts<T>;

  explicit Packed(const Problem& p)
      : rows(padded(p.keys, kDepth)), deep(amx::depth<T>(p.size)), wide(tiles(p.width, kSide)) {}

  int64_t key_size() const { return rows * deep * kDepth; }
  int64_t value_size() const { return rows * wide * kSide; }
  uint16_t* key(int64_t pair) const { return keys.get() + pair * key_size(); }
  uint16_t* value(int64_t pair, int part) const {
    return values.get() + (pair * kParts + part) * value_size();
  }

  int64_t rows, deep, wide;
  amx::Scratch<uint16_t> keys, values;
};

template<typename T>
void attend(const Problem& p, const Packed<T>& packed, Memory<T>& memory, int64_t pair,
            int64_t batch, int64_t head, int64_t row, int64_t rows, T* out, int64_t step,
            float* logs) {
  constexpr int kParts = amx::parts<T>;
  const int64_t high = tiles(rows, kSide), wide = packed.wide, deep = packed.deep;
  const int64_t block = std::min(kKeys, packed.rows);
  const int64_t query_step = spread<uint16_t>(deep * kDepth);
  const int64_t score_step = spread<float>(block), sum_step = spread<float>(wide * kSide);
  uint16_t* query = memory.query.need(high * kSide * query_step);
  float* scores = memory.scores.need(high * kSide * score_step);
  float* sums = memory.sums.need(high * kSide * sum_step);
  uint16_t* weights[2] = {};
  for (int q = 0; q < kParts; ++q) { weights[q] = memory.weights[q].need(high * kSide * block); }
  amx::pack_left(source<T>(p.query, batch, head, row, rows), high * kSide, query, query_step,
                 memory.row.need(2 * std::max(p.size, p.width)));
  float most[kQueries], sum[kQueries];
  std::fill_n(most, rows, kNone);
  std::fill_n(sum, rows, 0.f);
  const int64_t end = p.keys_before(row + rows);
  for (int64_t key = 0; key < end; key += kKeys) {
    const int64_t count = std::min(kKeys, end - key), steps = tiles(count, kDepth);
    amx::multiply(high, 2 * steps, deep, {query, kSide * query_step, kDepth, query_step},
                  {packed.key(pair) + key * deep * kDepth, deep * kTile, kTile, kDepth}, scores,
                  score_step, false);
    for (int64_t i = 0; i < rows; ++i) {
      float* line = scores + i * score_step;
      const float factor = prepare(p, batch, head, row + i, key, count, line) * kLog2E;
      const float here = largest(line, steps * kDepth) * factor;
      const float now = here > most[i] ? here : most[i];
      const float safe = now == kNone ? 0.f : now;
      const int64_t place = i / kSide * steps * kTile + i % kSide * kDepth;
      const float all = weigh<kParts>(line, steps * kDepth, factor, safe, weights[0] + place,
                                      weights[1] + place);
      const float shrink = now == most[i] ? 1.f : std::exp2(most[i] - safe);
      sum[i] = sum[i] * shrink + all;
      most[i] = now;
      if (key > 0 && shrink != 1) {
        for (int64_t j = 0; j < wide * kSide; ++j) { sums[i * sum_step + j] *= shrink; }
      }
    }
    for (int q = 0; q < 2 * kParts - 1; ++q) {  // all but the two lesser parts' product
      amx::multiply(high, wide, steps, {weights[q / 2], steps * kTile, kTile, kDepth},
                    {packed.value(pair, q % 2) + key / kDepth * kTile, packed.rows * kSide, kTile,
                     kDepth},
                    sums, sum_step, key > 0 || q > 0);
    }
  }
  for (int64_t i = 0; i < rows; ++i) {
    const bool empty = sum[i] == 0;
    const float factor = empty ? 0.f : 1 / sum[i];
    float* line = sums + i * sum_step;
    if (empty) { std::fill_n(line, p.width, 0.f); }
    for (int64_t j = 0; j < p.width; ++j) { line[j] *= factor; }
    store_row(line, out + i * step, p.width);
    // Infinity makes the weights of a row without keys 0 in the gradient.
    logs[i] = empty ? -kNone : most[i] * kLn2 + std::log(sum[i]);
  }
}

}  // namespace

template<typename T>
bool attention_by_tiles(const Problem& p, T* out, const int64_t* stride, float* log_sums) {
  constexpr int kParts = amx::parts<T>;
  if (!amx::usable() || p.keys == 0 || p.size == 0 || p.width == 0 || p.length == 0) {
    return false;
  }
  Packed<T> packed(p);
  const int64_t pairs = p.batches * p.key_heads;
  const int64_t bytes = 2 * (packed.key_size() + kParts * packed.value_size());
  const int64_t at_once = std::min(pairs, std::max<int64_t>(threads(), kPackedBytes / bytes));
  packed.keys.need(at_once * packed.key_size());
  packed.values.need(at_once * kParts * packed.value_size());
  const int64_t key_blocks = tiles(p.keys, kKeys), blocks = tiles(p.length, kQueries);
  const bool small = p.batches * p.heads * p.length * p.keys * (p.size + p.width) < 262144;
  std::atomic<bool> splits{true};
  for (int64_t first = 0; first < pairs; first += at_once) {
    const int64_t count = std::min(at_once, pairs - first);
    const auto pack = [&](Memory<T>& memory, int64_t index) {
      const int64_t pair = index / key_blocks, begin = index % key_blocks * kKeys;
      const int64_t batch = (first + pair) / p.key_heads, head = (first + pair) % p.key_heads;
      const int64_t rows = std::min(kKeys, p.keys - begin);
      const auto keys = source<T>(p.key, batch, head, begin, rows);
      const auto values = source<T>(p.value, batch, head, begin, rows);
      if (!amx::splits(keys) || !amx::splits(values)) { splits = false; }
      T* row = memory.row.need(2 * std::max(p.size, p.width));
      amx::pack_right(keys, padded(rows, kDepth), packed.key(pair) + begin * packed.deep * kDepth,
                      memory.lines.need(kSide * packed.deep * kDepth), row);
      uint16_t* to[2] = {};
      for (int q = 0; q < kParts; ++q) {
        to[q] = packed.value(pair, q) + begin / kDepth * kTile;
      }
      amx::pack_rows(values, padded(rows, kDepth), to, packed.rows * kSide, row);
    };
    const int64_t group = p.group();
    const auto one = [&](Memory<T>& memory, int64_t index) {
      const int64_t row = index % blocks * kQueries, pair = index / blocks / group;
      const int64_t batch = (first + pair) / p.key_heads;
      const int64_t head = (first + pair) % p.key_heads * group + index / blocks % group;
      const amx::Configured configured;
      attend(p, packed, memory, pair, batch, head, row, std::min(kQueries, p.length - row),
             out + batch * stride[0] + head * stride[1] + row * stride[2], stride[2],
             log_sums + (batch * p.heads + head) * p.length + row);
    };
    if (small) {
      Memory<T> memory;
      for (int64_t i = 0; i < count * key_blocks; ++i) { pack(memory, i); }
      for (int64_t i = 0; splits && i < count * group * blocks; ++i) { one(memory, i); }
    } else {
      share_out<Memory<T>>(count * key_blocks, pack);
      if (splits) { share_out<Memory<T>>(count * group * blocks, one); }
    }
    if (!splits) { return false; }
  }
  return true;
}

#else

template<typename T>
bool attention_by_tiles(const Problem&, T*, const int64_t*, float*) {
  return false;
}

#endif

template bool attention_by_tiles<Half>(const Problem&, Half*, const int64_t*, float*);
template bool attention_by_tiles<BFloat16>(const Problem&, BFloat16*, const int64_t*, float*);

}  // namespace ofm
