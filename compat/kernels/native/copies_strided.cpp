// Copies between strided layouts: rows by memcpy, transposed planes in tiles, the rest in loops.
#include "strided_copy.h"

namespace ofm {
namespace {

struct Wide {
  uint64_t low, high;
};

// Below this many bytes a second thread costs more than it does.
constexpr int64_t kGrainBytes = 1 << 17;

// Visits the outer dimensions' offsets in order, from a linear position on.
class Odometer {
 public:
  Odometer(const CopyDim* dims, int count, int64_t position) : dims_(dims), count_(count) {
    for (int i = count - 1; i >= 0; --i) {
      at_[i] = position % dims[i].size;
      position /= dims[i].size;
      to += at_[i] * dims[i].to;
      from += at_[i] * dims[i].from;
    }
  }
  void advance() {
    for (int i = count_ - 1; i >= 0; --i) {
      to += dims_[i].to;
      from += dims_[i].from;
      if (++at_[i] < dims_[i].size) { return; }
      to -= dims_[i].size * dims_[i].to;
      from -= dims_[i].size * dims_[i].from;
      at_[i] = 0;
    }
  }
  int64_t to = 0, from = 0;

 private:
  const CopyDim* dims_;
  int count_;
  int64_t at_[32];
};

// --- transposed planes ---------------------------------------------------------------------------

// to[i * to_stride + j] = from[j * from_stride + i] for i < rows, j < columns.
template<typename T>
inline void transpose_loops(T* to, int64_t to_stride, const T* from, int64_t from_stride,
                            int64_t rows, int64_t columns) {
  for (int64_t i = 0; i < rows; ++i) {
    for (int64_t j = 0; j < columns; ++j) { to[i * to_stride + j] = from[j * from_stride + i]; }
  }
}

// A square of kSide by kSide elements through registers.
template<typename T>
struct Square {
  static constexpr int64_t kSide = 8;
  static inline void transpose(T* to, int64_t to_stride, const T* from, int64_t from_stride) {
    transpose_loops(to, to_stride, from, from_stride, kSide, kSide);
  }
};

template<>
struct Square<uint32_t> {
  static constexpr int64_t kSide = 8;
  static inline void transpose(uint32_t* to, int64_t to_stride, const uint32_t* from,
                               int64_t from_stride) {
    __m256 row[8], pair[8];
    const float* in = reinterpret_cast<const float*>(from);
    float* out = reinterpret_cast<float*>(to);
    for (int i = 0; i < 8; ++i) { row[i] = _mm256_loadu_ps(in + i * from_stride); }
    for (int i = 0; i < 8; i += 2) {
      pair[i] = _mm256_unpacklo_ps(row[i], row[i + 1]);
      pair[i + 1] = _mm256_unpackhi_ps(row[i], row[i + 1]);
    }
    for (int i = 0; i < 8; i += 4) {
      row[i] = _mm256_shuffle_ps(pair[i], pair[i + 2], 0x44);
      row[i + 1] = _mm256_shuffle_ps(pair[i], pair[i + 2], 0xee);
      row[i + 2] = _mm256_shuffle_ps(pair[i + 1], pair[i + 3], 0x44);
      row[i + 3] = _mm256_shuffle_ps(pair[i + 1], pair[i + 3], 0xee);
    }
    for (int i = 0; i < 4; ++i) {
      _mm256_storeu_ps(out + i * to_stride, _mm256_permute2f128_ps(row[i], row[i + 4], 0x20));
      _mm256_storeu_ps(out + (i + 4) * to_stride,
                       _mm256_permute2f128_ps(row[i], row[i + 4], 0x31));
    }
  }
};

template<>
struct Square<uint64_t> {
  static constexpr int64_t kSide = 4;
  static inline void transpose(uint64_t* to, int64_t to_stride, const uint64_t* from,
                               int64_t from_stride) {
    const double* in = reinterpret_cast<const double*>(from);
    double* out = reinterpret_cast<double*>(to);
    __m256d row[4], pair[4];
    for (int i = 0; i < 4; ++i) { row[i] = _mm256_loadu_pd(in + i * from_stride); }
    for (int i = 0; i < 4; i += 2) {
      pair[i] = _mm256_unpacklo_pd(row[i], row[i + 1]);
      pair[i + 1] = _mm256_unpackhi_pd(row[i], row[i + 1]);
    }
    for (int i = 0; i < 2; ++i) {
      _mm256_storeu_pd(out + i * to_stride, _mm256_permute2f128_pd(pair[i], pair[i + 2], 0x20));
      _mm256_storeu_pd(out + (i + 2) * to_stride,
                       _mm256_permute2f128_pd(pair[i], pair[i + 2], 0x31));
    }
  }
};

template<>
struct Square<uint16_t> {
  static constexpr int64_t kSide = 8;
  static inline void transpose(uint16_t* to, int64_t to_stride, const uint16_t* from,
                               int64_t from_stride) {
    __m128i row[8], pair[8];
    for (int i = 0; i < 8; ++i) {
      row[i] = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from + i * from_stride));
    }
    for (int i = 0; i < 4; ++i) {
      pair[2 * i] = _mm_unpacklo_epi16(row[2 * i], row[2 * i + 1]);
      pair[2 * i + 1] = _mm_unpackhi_epi16(row[2 * i], row[2 * i + 1]);
    }
    for (int i = 0; i < 8; i += 4) {
      row[i] = _mm_unpacklo_epi32(pair[i], pair[i + 2]);
      row[i + 1] = _mm_unpackhi_epi32(pair[i], pair[i + 2]);
      row[i + 2] = _mm_unpacklo_epi32(pair[i + 1], pair[i + 3]);
      row[i + 3] = _mm_unpackhi_epi32(pair[i + 1], pair[i + 3]);
    }
    for (int i = 0; i < 4; ++i) {
      _mm_storeu_si128(reinterpret_cast<__m128i*>(to + 2 * i * to_stride),
                       _mm_unpacklo_epi64(row[i], row[i + 4]));
      _mm_storeu_si128(reinterpret_cast<__m128i*>(to + (2 * i + 1) * to_stride),
                       _mm_unpackhi_epi64(row[i], row[i + 4]));
    }
  }
};

// A tile is as wide as a cache line on either side, so that no line is fetched twice.
template<typename T>
void transpose_tile(T* to, int64_t to_stride, const T* from, int64_t from_stride, int64_t rows,
                    int64_t columns) {
  constexpr int64_t side = Square<T>::kSide;
  int64_t i = 0;
  for (; i + side <= rows; i += side) {
    int64_t j = 0;
    for (; j + side <= columns; j += side) {
      Square<T>::transpose(to + i * to_stride + j, to_stride, from + j * from_stride + i,
                           from_stride);
    }
    transpose_loops(to + i * to_stride + j, to_stride, from + j * from_stride + i, from_stride, side,
                    columns - j);
  }
  transpose_loops(to + i * to_stride, to_stride, from + i, from_stride, rows - i, columns);
}

// --- interleaved rows -----------------------------------------------------------------------------

// to[i * ways + j] = from[j * step + i] for i < count, j < ways.
template<int ways, typename T>
void interleave(T* to, const T* from, int64_t step, int64_t count) {
#pragma GCC ivdep
  for (int64_t i = 0; i < count; ++i) {
    for (int j = 0; j < ways; ++j) { to[i * ways + j] = from[j * step + i]; }
  }
}

// --- the general case ----------------------------------------------------------------------------

// A short row, without a call: as few moves as its length needs, the last one overlapping.
inline void copy_short(char* to, const char* from, int64_t bytes) {
  using Block = __m256i;
  if (bytes >= 32) {
    int64_t i = 0;
    for (; i + 32 <= bytes; i += 32) {
      _mm256_storeu_si256(reinterpret_cast<Block*>(to + i),
                          _mm256_loadu_si256(reinterpret_cast<const Block*>(from + i)));
    }
    if (i < bytes) {
      _mm256_storeu_si256(reinterpret_cast<Block*>(to + bytes - 32),
                          _mm256_loadu_si256(reinterpret_cast<const Block*>(from + bytes - 32)));
    }
  } else if (bytes >= 8) {
    uint64_t part;
    for (int64_t i = 0; i + 8 <= bytes; i += 8) {
      std::memcpy(&part, from + i, 8);
      std::memcpy(to + i, &part, 8);
    }
    std::memcpy(&part, from + bytes - 8, 8);
    std::memcpy(to + bytes - 8, &part, 8);
  } else {
    for (int64_t i = 0; i < bytes; ++i) { to[i] = from[i]; }
  }
}

template<typename T>
void copy_row(T* to, const T* from, const CopyDim& dim) {
  const int64_t size = dim.size;
  if (dim.to == 1) {
    if (dim.from == 1) {
      const int64_t bytes = size * sizeof(T);
      if (bytes <= 512) {
        copy_short(reinterpret_cast<char*>(to), reinterpret_cast<const char*>(from), bytes);
      } else {
        std::memcpy(to, from, bytes);
      }
    } else if (dim.from == 0) {
      const T value = *from;
      for (int64_t i = 0; i < size; ++i) { to[i] = value; }
    } else if (dim.from == -1) {
      for (int64_t i = 0; i < size; ++i) { to[i] = from[-i]; }
    } else if (dim.from == 2) {
      for (int64_t i = 0; i < size; ++i) { to[i] = from[2 * i]; }
    } else {
      const int64_t step = dim.from;
      for (int64_t i = 0; i < size; ++i) { to[i] = from[i * step]; }
    }
  } else if (dim.from == 1) {
    const int64_t step = dim.to;
    for (int64_t i = 0; i < size; ++i) { to[i * step] = from[i]; }
  } else {
    for (int64_t i = 0; i < size; ++i) { to[i * dim.to] = from[i * dim.from]; }
  }
}

template<typename T>
void copy_typed(T* to, const T* from, std::vector<CopyDim>& dims) {
  const int count = static_cast<int>(dims.size());
  int64_t total = 1;
  for (const CopyDim& dim : dims) { total *= dim.size; }
  const CopyDim inner = dims.back();
  if (inner.to == 1 && inner.from > 1 && inner.size <= 4 && count > 1) {
    const CopyDim across = dims[count - 2];
    if (across.from == 1 && across.to == inner.size && across.size >= 8) {
      const auto interleaved = inner.size == 2   ? interleave<2, T>
                               : inner.size == 3 ? interleave<3, T>
                                                 : interleave<4, T>;
      const int64_t row = across.size * inner.size;
      parallel_for(total / row, kGrainBytes / (row * sizeof(T)) + 1,
                   [&](int64_t begin, int64_t end) {
                     Odometer outer(dims.data(), count - 2, begin);
                     for (int64_t i = begin; i < end; ++i, outer.advance()) {
                       interleaved(to + outer.to, from + outer.from, inner.from, across.size);
                     }
                   });
      return;
    }
  }
  int crossed = -1;  // the dimension along which the source is contiguous, if that is another
  if (inner.to == 1 && inner.from != 1 && inner.from != 0 && inner.size >= 4) {
    for (int i = 0; i < count - 1; ++i) {
      if (dims[i].from == 1 && dims[i].size >= 4) { crossed = i; }
    }
  }
  if (crossed >= 0) {
    const CopyDim across = dims[crossed];
    dims.erase(dims.begin() + crossed);
    dims.pop_back();
    constexpr int64_t tile = 64 / sizeof(T);
    const int64_t down = (across.size + tile - 1) / tile;
    // A strip of the plane: one line's width of the source, as many lines as there are.
    const int64_t wide = std::max<int64_t>(tile, (4096 / tile) / 4);
    const int64_t right = (inner.size + wide - 1) / wide;
    const int64_t tiles = total / (across.size * inner.size) * down * right;
    const int64_t grain = std::max<int64_t>(1, kGrainBytes / (tile * wide * sizeof(T)));
    parallel_for(tiles, grain, [&](int64_t begin, int64_t end) {
      int64_t plane = begin / (down * right), place = begin % (down * right);
      Odometer outer(dims.data(), count - 2, plane);
      for (int64_t i = begin; i < end; ++i) {
        const int64_t row = place / right * tile, column = place % right * wide;
        transpose_tile(to + outer.to + row * across.to + column, across.to,
                       from + outer.from + row + column * inner.from, inner.from,
                       std::min(tile, across.size - row), std::min(wide, inner.size - column));
        if (++place == down * right) {
          place = 0;
          outer.advance();
        }
      }
    });
    return;
  }
  const int64_t rows = total / inner.size;
  const int64_t bytes = inner.size * sizeof(T);
  if (inner.to == 1 && inner.from == 1 && count > 2) {
    // In the order in which fewer places of the other side are visited by turns.
    auto other = dims;
    std::stable_sort(other.begin(), other.end() - 1,
                     [](const CopyDim& a, const CopyDim& b) { return a.from > b.from; });
    if (other[count - 2].size < dims[count - 2].size) { dims = other; }
  }
  // Long rows are divided among the threads too.
  const int64_t parts = rows >= 4 * threads() ? 1 : std::max<int64_t>(1, bytes / (kGrainBytes / 2));
  const int64_t grain = std::max<int64_t>(1, kGrainBytes / std::max<int64_t>(bytes / parts, 1));
  parallel_for(rows * parts, grain, [&](int64_t begin, int64_t end) {
    Odometer outer(dims.data(), count - 1, begin / parts);
    for (int64_t i = begin; i < end;) {
      const int64_t part = i % parts, last = std::min(parts, part + end - i);
      const int64_t first = inner.size * part / parts, stop = inner.size * last / parts;
      copy_row(to + outer.to + first * inner.to, from + outer.from + first * inner.from,
               CopyDim{stop - first, inner.to, inner.from});
      i += last - part;
      outer.advance();
    }
  });
}

}  // namespace

void copy_bytes(void* to, const void* from, size_t bytes) {
  parallel_for(static_cast<int64_t>(bytes), kGrainBytes * 2, [=](int64_t begin, int64_t end) {
    std::memcpy(static_cast<char*>(to) + begin, static_cast<const char*>(from) + begin,
                end - begin);
  });
}

void copy_strided(void* to, const void* from, size_t width, std::vector<CopyDim> dims) {
  std::vector<CopyDim> kept;
  kept.reserve(dims.size() + 1);
  for (const CopyDim& dim : dims) {
    if (dim.size <= 0) { return; }
    if (dim.size > 1) { kept.push_back(dim); }
  }
  const auto distance = [](int64_t stride) { return stride < 0 ? -stride : stride; };
  std::stable_sort(kept.begin(), kept.end(), [&](const CopyDim& a, const CopyDim& b) {
    return distance(a.to) > distance(b.to);
  });
  dims.clear();
  for (const CopyDim& dim : kept) {
    if (!dims.empty() && dims.back().to == dim.to * dim.size
        && dims.back().from == dim.from * dim.size) {
      dims.back() = CopyDim{dims.back().size * dim.size, dim.to, dim.from};
    } else {
      dims.push_back(dim);
    }
  }
  if (dims.empty()) {
    std::memcpy(to, from, width);
    return;
  }
  if (dims.size() == 1 && dims[0].to == 1 && dims[0].from == 1) {
    copy_bytes(to, from, dims[0].size * width);
    return;
  }
  switch (width) {
#define OFM_COPY(type)                                                            \
  case sizeof(type):                                                              \
    copy_typed(static_cast<type*>(to), static_cast<const type*>(from), dims); \
    break;
    OFM_COPY(uint8_t)
    OFM_COPY(uint16_t)
    OFM_COPY(uint32_t)
    OFM_COPY(uint64_t)
    OFM_COPY(Wide)
#undef OFM_COPY
    default: break;
  }
}

void fill_elements(void* to, const void* element, size_t width, int64_t count) {
  switch (width) {
#define OFM_FILL(type)                                                                        \
  case sizeof(type): {                                                                        \
    const type value = *static_cast<const type*>(element);                                    \
    parallel_for(count, kGrainBytes / sizeof(type), [=](int64_t begin, int64_t end) {         \
      std::fill(static_cast<type*>(to) + begin, static_cast<type*>(to) + end, value);         \
    });                                                                                       \
    break;                                                                                    \
  }
    OFM_FILL(uint8_t)
    OFM_FILL(uint16_t)
    OFM_FILL(uint32_t)
    OFM_FILL(uint64_t)
    OFM_FILL(Wide)
#undef OFM_FILL
    default: break;
  }
}

}  // namespace ofm
