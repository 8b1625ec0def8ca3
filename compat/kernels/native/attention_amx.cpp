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

// --- backward ------------------------------------------------------------------------------------

// Two rows of scores and of the weights' gradients become weights and the scores' gradients: both as
// a row of pairs in a right factor's tiles, which follow each other `across` elements apart, and the
// gradients also as two rows of a left factor.
template<int kParts>
void slopes_of(const float* const* scores, const float* const* others, int64_t count,
               const float* factors, const float* mosts, const float* means, int64_t across,
               uint16_t* const* pairs, uint16_t* const* slope_pairs, uint16_t* const* slopes) {
  for (int64_t j = 0; j < count; j += kDepth) {
    for (int half = 0; half < 2; ++half) {
      const int64_t at = j + half * kSide;
      __m256i weight[2][2], slope[2][2];
      for (int i = 0; i < 2; ++i) {
        const __m512 x = power_below(_mm512_fmsub_ps(_mm512_loadu_ps(scores[i] + at),
                                                     _mm512_set1_ps(factors[i]),
                                                     _mm512_set1_ps(mosts[i])));
        const __m512 y = _mm512_mul_ps(
            x, _mm512_sub_ps(_mm512_loadu_ps(others[i] + at), _mm512_set1_ps(means[i])));
        for (int q = 0; q < kParts; ++q) {
          weight[i][q] = amx::part(x, q > 0);
          slope[i][q] = amx::part(y, q > 0);
          _mm256_storeu_si256(reinterpret_cast<__m256i*>(slopes[q] + j * kSide + i * kDepth
                                                         + half * kSide),
                              slope[i][q]);
        }
      }
      for (int q = 0; q < kParts; ++q) {
        const int64_t to = at / kSide * across;
        _mm512_storeu_si512(pairs[q] + to, amx::paired(weight[0][q], weight[1][q]));
        _mm512_storeu_si512(slope_pairs[q] + to, amx::paired(slope[0][q], slope[1][q]));
      }
    }
  }
}

// Rows of `to` = factor times the columns of sums, whose rows are `stride` apart.
template<typename T>
void store_columns(const float* sums, int64_t stride, int64_t count, int64_t width, float factor,
                   T* to, int64_t step) {
  const int64_t wide = padded(width, kSide);
  std::vector<float> lines(kSide * wide);
  for (int64_t begin = 0; begin < count; begin += kSide) {
    for (int64_t j = 0; j < wide; j += kSide) {
      __m512i v[16];
      for (int i = 0; i < 16; ++i) {
        v[i] = _mm512_castps_si512(
            _mm512_mul_ps(_mm512_loadu_ps(sums + (j + i) * stride + begin), _mm512_set1_ps(factor)));
      }
      amx::transpose(v);
      for (int i = 0; i < 16; ++i) { _mm512_storeu_si512(lines.data() + i * wide + j, v[i]); }
    }
    for (int64_t i = 0; i < std::min(kSide, count - begin); ++i) {
      store_row(lines.data() + i * wide, to + (begin + i) * step, width);
    }
  }
}

// The gradients of one head's keys and values, and of the rows of queries that look at them.
template<typename T>
void differentiate(const Problem& p, const View& out, const View& out_gradient,
                   const float* log_sums, Memory<T>& memory, int64_t batch, int64_t key_head,
                   const HeadsOut<T>& query_out, const HeadsOut<T>& key_out,
                   const HeadsOut<T>& value_out) {
  constexpr int kParts = amx::parts<T>;
  const int64_t all = padded(p.keys, kDepth);
  const int64_t deep = amx::depth<T>(p.size), value_deep = amx::depth<T>(p.width);
  const int64_t wide = tiles(p.size, kSide), value_wide = tiles(p.width, kSide);
  const int64_t rows_most = std::min(kGradientQueries, padded(p.length, kDepth));
  const int64_t block = std::min(kGradientKeys, all);
  const int64_t key_step = spread<float>(all), score_step = spread<float>(block);
  const int64_t query_step = spread<uint16_t>(deep * kDepth);
  const int64_t gradient_step = spread<uint16_t>(value_deep * kDepth);
  const int64_t column_step = spread<uint16_t>(rows_most);
  const int64_t sum_step = spread<float>(wide * kSide);
  T* row_memory = memory.row.need(2 * std::max(p.size, p.width));
  uint16_t* lines = memory.lines.need(kSide * std::max(deep, value_deep) * kDepth);
  float* key_sums = memory.key_sums.need(wide * kSide * key_step);
  float* value_sums = memory.value_sums.need(value_wide * kSide * key_step);
  std::fill_n(key_sums, wide * kSide * key_step, 0.f);
  std::fill_n(value_sums, value_wide * kSide * key_step, 0.f);
  float* scores = memory.scores.need(rows_most * score_step);
  float* others = memory.other.need(rows_most * score_step);
  float* sums = memory.sums.need(rows_most * sum_step);
  uint16_t* query = memory.query.need(rows_most * query_step);
  uint16_t* gradient = memory.gradient.need(rows_most * gradient_step);
  uint16_t* keys = memory.keys.need(all * deep * kDepth);
  uint16_t* values = memory.values.need(all * value_deep * kDepth);
  uint16_t *key_rows[2] = {}, *pairs[2] = {}, *slope_pairs[2] = {}, *slopes[2] = {};
  uint16_t *query_columns[2] = {}, *gradient_columns[2] = {};
  for (int q = 0; q < kParts; ++q) {
    key_rows[q] = memory.key_rows[q].need(all * wide * kSide);
    pairs[q] = memory.pairs[q].need(rows_most * block);
    slope_pairs[q] = memory.slope_pairs[q].need(rows_most * block);
    slopes[q] = memory.slopes[q].need(rows_most * block);
    query_columns[q] = memory.query_columns[q].need(wide * kSide * column_step);
    gradient_columns[q] = memory.gradient_columns[q].need(value_wide * kSide * column_step);
  }
  const auto key_source = source<T>(p.key, batch, key_head, 0, p.keys);
  amx::pack_right(key_source, all, keys, lines, row_memory);
  amx::pack_rows(key_source, all, key_rows, all * kSide, row_memory);
  amx::pack_right(source<T>(p.value, batch, key_head, 0, p.keys), all, values, lines, row_memory);
  const float scale = static_cast<float>(p.scale);
  std::vector<float> means(rows_most), mosts(rows_most), factors(rows_most);
  for (int64_t g = 0; g < p.group(); ++g) {
    const int64_t head = key_head * p.group() + g;
    for (int64_t row = 0; row < p.length; row += kGradientQueries) {
      const int64_t rows = std::min(kGradientQueries, p.length - row);
      const int64_t row_steps = tiles(rows, kDepth), full = row_steps * kDepth;
      const auto q_source = source<T>(p.query, batch, head, row, rows);
      const auto g_source = source<T>(out_gradient, batch, head, row, rows);
      const auto o_source = source<T>(out, batch, head, row, rows);
      amx::pack_left(q_source, full, query, query_step, row_memory);
      amx::pack_left(g_source, full, gradient, gradient_step, row_memory);
      amx::pack_columns(q_source, full, query_columns, column_step, row_memory);
      amx::pack_columns(g_source, full, gradient_columns, column_step, row_memory);
      for (int64_t i = 0; i < full; ++i) {
        // Rows that are not there have no weights.
        mosts[i] = -kNone;
        means[i] = 0;
        if (i >= rows) { continue; }
        mosts[i] = log_sums[(batch * p.heads + head) * p.length + row + i] * kLog2E;
        const T* x = amx::dense_row(g_source, i, row_memory);
        const T* y = amx::dense_row(o_source, i, row_memory + p.width);
        __m512 mean = _mm512_setzero_ps();
        for (int64_t j = 0; j < p.width; j += kSide) {
          const __mmask16 mask = amx::first(p.width - j);
          mean = _mm512_fmadd_ps(amx::load(x + j, mask), amx::load(y + j, mask), mean);
        }
        means[i] = _mm512_reduce_add_ps(mean);
      }
      const int64_t end = p.keys_before(row + rows);
      if (end == 0) { std::fill_n(sums, full * sum_step, 0.f); }
      for (int64_t key = 0; key < end; key += kGradientKeys) {
        const int64_t count = std::min(kGradientKeys, end - key), steps = tiles(count, kDepth);
        amx::multiply(2 * row_steps, 2 * steps, deep, {query, kSide * query_step, kDepth, query_step},
                      {keys + key * deep * kDepth, deep * kTile, kTile, kDepth}, scores, score_step,
                      false);
        amx::multiply(2 * row_steps, 2 * steps, value_deep,
                      {gradient, kSide * gradient_step, kDepth, gradient_step},
                      {values + key * value_deep * kDepth, value_deep * kTile, kTile, kDepth},
                      others, score_step, false);
        for (int64_t i = 0; i < full; i += 2) {
          const float* score_rows[2] = {scores + i * score_step, scores + (i + 1) * score_step};
          const float* other_rows[2] = {others + i * score_step, others + (i + 1) * score_step};
          for (int64_t r = i; r < i + 2; ++r) {
            factors[r] = r < rows ? prepare(p, batch, head, row + r, key, count,
                                            scores + r * score_step) * kLog2E
                                  : 1.f;
          }
          uint16_t *to[2] = {}, *slope_to[2] = {}, *slope_rows[2] = {};
          for (int q = 0; q < kParts; ++q) {
            const int64_t place = i / kDepth * kTile + i % kDepth / 2 * kDepth;
            to[q] = pairs[q] + place;
            slope_to[q] = slope_pairs[q] + place;
            slope_rows[q] = slopes[q] + i / kSide * steps * kTile + i % kSide * kDepth;
          }
          slopes_of<kParts>(score_rows, other_rows, steps * kDepth, &factors[i], &mosts[i],
                            &means[i], row_steps * kTile, to, slope_to, slope_rows);
        }
        for (int q = 0; q < 2 * kParts - 1; ++q) {  // all but the two lesser parts' product
          amx::multiply(value_wide, 2 * steps, row_steps,
                        {gradient_columns[q / 2], kSide * column_step, kDepth, column_step},
                        {pairs[q % 2], row_steps * kTile, kTile, kDepth}, value_sums + key, key_step,
                        true);
          amx::multiply(wide, 2 * steps, row_steps,
                        {query_columns[q / 2], kSide * column_step, kDepth, column_step},
                        {slope_pairs[q % 2], row_steps * kTile, kTile, kDepth}, key_sums + key,
                        key_step, true);
          amx::multiply(2 * row_steps, wide, steps, {slopes[q / 2], steps * kTile, kTile, kDepth},
                        {key_rows[q % 2] + key / kDepth * kTile, all * kSide, kTile, kDepth}, sums,
                        sum_step, key > 0 || q > 0);
        }
      }
      T* to = query_out.at(batch, head) + row * query_out.stride[2];
      for (int64_t i = 0; i < rows; ++i) {
        float* line = sums + i * sum_step;
        for (int64_t j = 0; j < p.size; ++j) { line[j] *= scale; }
        store_row(line, to + i * query_out.stride[2], p.size);
      }
    }
  }
  store_columns(key_sums, key_step, p.keys, p.size, scale, key_out.at(batch, key_head),
                key_out.stride[2]);
  store_columns(value_sums, key_step, p.keys, p.width, 1.f, value_out.at(batch, key_head),
                value_out.stride[2]);
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

template<typename T>
bool attention_gradient_by_tiles(const Problem& p, const View& out, const View& out_gradient,
                                 const float* log_sums, const HeadsOut<T>& query,
                                 const HeadsOut<T>& key, const HeadsOut<T>& value) {
  if (!amx::usable() || p.keys == 0 || p.size == 0 || p.width == 0 || p.length == 0) {
    return false;
  }
  if (amx::parts<T> > 1) {
    std::atomic<bool> splits{true};
    share_out<Memory<T>>(p.batches * p.heads, [&](Memory<T>&, int64_t i) {
      const int64_t batch = i / p.heads, head = i % p.heads, key_head = head / p.group();
      if (!amx::splits(source<T>(p.query, batch, head, 0, p.length))
          || !amx::splits(source<T>(out_gradient, batch, head, 0, p.length))
          || !amx::splits(source<T>(p.key, batch, key_head, 0, p.keys))
          || !amx::splits(source<T>(p.value, batch, key_head, 0, p.keys))) {
        splits = false;
      }
    });
    if (!splits) { return false; }
  }
  share_out<Memory<T>>(p.batches * p.key_heads, [&](Memory<T>& memory, int64_t pair) {
    const amx::Configured configured;
    differentiate(p, out, out_gradient, log_sums, memory, pair / p.key_heads, pair % p.key_heads,
                  query, key, value);
  });
  return true;
}

#else

template<typename T>
bool attention_by_tiles(const Problem&, T*, const int64_t*, float*) {
  return false;
}
template<typename T>
bool attention_gradient_by_tiles(const Problem&, const View&, const View&, const float*,
                                 const HeadsOut<T>&, const HeadsOut<T>&, const HeadsOut<T>&) {
  return false;
}

#endif

#define OFM_BY_TILES(type)                                                                     \
  template bool attention_by_tiles<type>(const Problem&, type*, const int64_t*, float*);       \
  template bool attention_gradient_by_tiles<type>(                                             \
      const Problem&, const View&, const View&, const float*, const HeadsOut<type>&,           \
      const HeadsOut<type>&, const HeadsOut<type>&);
OFM_BY_TILES(Half)
OFM_BY_TILES(BFloat16)

}  // namespace ofm
