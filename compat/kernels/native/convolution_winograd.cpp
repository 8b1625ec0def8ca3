// Convolutions of 3 × 3 at stride 1 by Winograd's way: F(2 × 2, 3 × 3), 16 multiplications for four
// outputs instead of 36. It is as exact as the sum of products itself as long as the numbers are of
// like size: what a large number adds to its neighbours is taken away again, and takes their last
// digits along. Where they are not, and where there are no numbers at all, it is not used.
#include "convolution.h"

namespace ofm {
namespace {

constexpr int64_t kTiles = 48;  // of a panel
constexpr int64_t kTogether = 16;  // channels added up whose weights lie together
constexpr int64_t kDepth = 128;  // channels added up at a time: a panel's fit the first-level cache
constexpr float kFarthest = 512, kLargest = 1e15f;

// The magnitudes of some numbers. They compare as integers do, with NaN above them all.
struct Magnitudes {
  int32_t top;
  float sum;
};

float as_float(int32_t bits) {
  float number;
  std::memcpy(&number, &bits, sizeof number);
  return number;
}

// Whether the largest of `count` numbers is near enough to the mean.
bool are_alike(const Magnitudes* parts, int64_t part_count, int64_t count) {
  double total = 0;
  int32_t top = 0;
  for (int64_t part = 0; part < part_count; ++part) {
    top = std::max(top, parts[part].top);
    total += parts[part].sum;
  }
  return as_float(top) <= kLargest && as_float(top) <= kFarthest * (total / count);
}

bool are_alike(const float* numbers, int64_t count) {
  const int64_t step = 16384, parts = (count + step - 1) / step;
  Scratch<Magnitudes> found(parts);
  parallel_for(parts, 2, [&](int64_t begin, int64_t end) {
    for (int64_t part = begin; part < end; ++part) {
      const float* from = numbers + part * step;
      const int64_t here = std::min(step, count - part * step);
      float sum = 0;
      int32_t top = 0;
#pragma omp simd reduction(+ : sum) reduction(max : top)
      for (int64_t i = 0; i < here; ++i) {
        int32_t bits;
        std::memcpy(&bits, from + i, sizeof bits);
        bits &= 0x7fffffff;
        top = std::max(top, bits);
        sum += std::abs(from[i]);
      }
      found.data[part] = {top, sum};
    }
  });
  return are_alike(found.data, parts, count);
}

// kTileRows × kVectors sums over the channels, added to those that are there unless they are new.
template<int kVectors>
void add_up(int64_t depth, const float* weight, const float* windows, float* sums, bool are_new) {
  using V = Vector<float>::type;
  constexpr int64_t size = Vector<float>::size;
  V sum[kTileRows][kVectors];
  for (int r = 0; r < kTileRows; ++r) {
    for (int v = 0; v < kVectors; ++v) {
      sum[r][v] = are_new ? V{} : *reinterpret_cast<const V*>(sums + r * kTiles + v * size);
    }
  }
  for (int64_t k = 0; k < depth; ++k) {
    const float* left = weight + k / kTogether * kTogether * kTileRows + k % kTogether;
    V right[kVectors];
    for (int v = 0; v < kVectors; ++v) {
      right[v] = *reinterpret_cast<const V*>(windows + k * kTiles + v * size);
    }
    for (int r = 0; r < kTileRows; ++r) {
      for (int v = 0; v < kVectors; ++v) { sum[r][v] += left[r * kTogether] * right[v]; }
    }
  }
  for (int r = 0; r < kTileRows; ++r) {
    for (int v = 0; v < kVectors; ++v) {
      *reinterpret_cast<V*>(sums + r * kTiles + v * size) = sum[r][v];
    }
  }
}

void add_up(int64_t tiles, int64_t depth, const float* weight, const float* windows, float* sums,
            bool are_new) {
  constexpr int64_t size = Vector<float>::size;
  for (int64_t j = 0; j < tiles;) {
    const int64_t vectors = std::min<int64_t>(3, (tiles - j + size - 1) / size);
    if (vectors == 3) {
      add_up<3>(depth, weight, windows + j, sums + j, are_new);
    } else if (vectors == 2) {
      add_up<2>(depth, weight, windows + j, sums + j, are_new);
    } else {
      add_up<1>(depth, weight, windows + j, sums + j, are_new);
    }
    j += vectors * size;
  }
}

struct Image {
  int64_t channels, height, width;
};

struct Plan {
  int64_t batch, pad_y, pad_x;
  Image from, to;
  int64_t tiles_y, tiles_x, tiles;

  int64_t groups() const { return (to.channels + kTileRows - 1) / kTileRows; }
  int64_t stretches() const { return (from.channels + kTogether - 1) / kTogether; }
  // Of one group, at one of the 16 places.
  int64_t weights() const { return stretches() * kTogether * kTileRows; }
};

// The tiles of a panel: whole vectors, as even as can be.
struct Panels {
  Panels(int64_t begin, int64_t end)
      : begin(begin), end(end), vectors((end - begin + size - 1) / size),
        count((end - begin + kTiles - 1) / kTiles) {}
  int64_t first(int64_t panel) const { return begin + vectors * panel / count * size; }
  int64_t last(int64_t panel) const { return std::min(end, first(panel + 1)); }

  static constexpr int64_t size = Vector<float>::size;
  int64_t begin, end, vectors, count;
};

// The weights of some groups in Winograd's coordinates: (16, groups, channels added up / kTogether,
// kTileRows, kTogether), and how large they were.
void change_weight(const Plan& plan, bool gradient, const float* weight, int64_t first,
                   int64_t last, int64_t part, float* changed, Magnitudes* magnitudes) {
  const int64_t ins = plan.from.channels, outs = plan.to.channels;
  // For the gradient the channels change places and the kernel is turned round.
  const int64_t out_step = gradient ? 9 : ins * 9, in_step = gradient ? outs * 9 : 9;
  const int64_t stretches = plan.stretches();
  parallel_for((last - first) * stretches, kGrain / 4096, [=](int64_t begin, int64_t end) {
    float g[9][kTogether], rows[4][3][kTogether];
    for (int64_t job = begin; job < end; ++job) {
      const int64_t group = first + job / stretches, c = job % stretches * kTogether;
      const int64_t have = std::min(kTogether, ins - c);
      if (have < kTogether) { std::memset(g, 0, sizeof g); }
      float* to = changed + job * kTileRows * kTogether;
      float sums[kTogether] = {};
      int32_t tops[kTogether] = {};
      for (int64_t r = 0; r < kTileRows; ++r, to += kTogether) {
        const int64_t channel = group * kTileRows + r;
        if (channel >= outs) {
          for (int y = 0; y < 16; ++y) { std::fill(to + y * part, to + y * part + kTogether, 0.f); }
          continue;
        }
        const float* taps = weight + channel * out_step + c * in_step;
        for (int t = 0; t < 9; ++t) {
          float* row = g[gradient ? 8 - t : t];
          if (have == kTogether) {
            for (int i = 0; i < kTogether; ++i) { row[i] = taps[i * in_step + t]; }
          } else {
            for (int i = 0; i < have; ++i) { row[i] = taps[i * in_step + t]; }
          }
        }
        for (int t = 0; t < 9; ++t) {
          for (int i = 0; i < kTogether; ++i) {
            int32_t bits;
            std::memcpy(&bits, &g[t][i], sizeof bits);
            tops[i] = std::max(tops[i], bits & 0x7fffffff);
            sums[i] += std::abs(g[t][i]);
          }
        }
        for (int x = 0; x < 3; ++x) {
          for (int i = 0; i < kTogether; ++i) {
            const float ends = g[x][i] + g[6 + x][i];
            rows[0][x][i] = g[x][i];
            rows[1][x][i] = 0.5f * (ends + g[3 + x][i]);
            rows[2][x][i] = 0.5f * (ends - g[3 + x][i]);
            rows[3][x][i] = g[6 + x][i];
          }
        }
        for (int y = 0; y < 4; ++y) {
          float* four = to + 4 * y * part;
          for (int i = 0; i < kTogether; ++i) {
            const float ends = rows[y][0][i] + rows[y][2][i];
            four[i] = rows[y][0][i];
            four[part + i] = 0.5f * (ends + rows[y][1][i]);
            four[2 * part + i] = 0.5f * (ends - rows[y][1][i]);
            four[3 * part + i] = rows[y][2][i];
          }
        }
      }
      Magnitudes all{0, 0};
      for (int i = 0; i < kTogether; ++i) {
        all.top = std::max(all.top, tops[i]);
        all.sum += sums[i];
      }
      magnitudes[first * stretches + job] = all;
    }
  });
}

// Calls visit(image, row of tiles, first tile in it, tiles, place in the block) for each stretch of
// tiles side by side.
template<typename Visit>
void for_stretches(const Plan& plan, int64_t begin, int64_t end, const Visit& visit) {
  for (int64_t tile = begin; tile < end;) {
    const int64_t x = tile % plan.tiles_x, row = tile / plan.tiles_x;
    const int64_t count = std::min(end - tile, plan.tiles_x - x);
    visit(row / plan.tiles_y, row % plan.tiles_y, x, count, tile - begin);
    tile += count;
  }
}

// The windows of 4 × 4 of some tiles in Winograd's coordinates: (16, channels, kTiles), which
// are `part` apart.
void change_windows(const Plan& plan, const float* from, int64_t begin, int64_t end, int64_t part,
                    float* changed) {
  const Image& image = plan.from;
  alignas(64) float line[2 * kTiles + 2 + 16];
  alignas(64) float d[4][4][kTiles];
  for_stretches(plan, begin, end, [&](int64_t n, int64_t ty, int64_t tx, int64_t count, int64_t at) {
    const int64_t left = 2 * tx - plan.pad_x, wide = 2 * count + 2;
    const int64_t first = std::max<int64_t>(0, -left);
    const int64_t last = std::max(first, std::min(wide, image.width - left));
    std::fill(line, line + wide, 0.f);
    for (int64_t c = 0; c < image.channels; ++c) {
      const float* plane = from + (n * image.channels + c) * image.height * image.width;
      for (int64_t y = 0; y < 4; ++y) {
        const int64_t row = 2 * ty - plan.pad_y + y;
        if (row < 0 || row >= image.height || first == last) {
          for (int x = 0; x < 4; ++x) { std::fill(d[y][x], d[y][x] + count, 0.f); }
          continue;
        }
        const float* source = plane + row * image.width + left;
        if (first > 0 || last < wide) {
          std::memcpy(line + first, source + first, (last - first) * sizeof(float));
          source = line;
        }
        for (int64_t i = 0; i < count; ++i) {
          const float a = source[2 * i], b = source[2 * i + 1];
          const float e = source[2 * i + 2], f = source[2 * i + 3];
          d[y][0][i] = a - e;
          d[y][1][i] = b + e;
          d[y][2][i] = e - b;
          d[y][3][i] = b - f;
        }
      }
      float* to = changed + c * kTiles + at;
      for (int x = 0; x < 4; ++x) {
        for (int64_t i = 0; i < count; ++i) {
          const float a = d[0][x][i], b = d[1][x][i], e = d[2][x][i], f = d[3][x][i];
          to[x * part + i] = a - e;
          to[(4 + x) * part + i] = b + e;
          to[(8 + x) * part + i] = e - b;
          to[(12 + x) * part + i] = b - f;
        }
      }
    }
  });
}

// Outputs of one channel from its sums in Winograd's coordinates, which are `part` apart.
void change_back(const Plan& plan, const float* sums, int64_t part, float bias, int64_t channel,
                 int64_t begin, int64_t end, float* to) {
  const Image& image = plan.to;
  alignas(64) float y[2][2][kTiles];
  for (int64_t i = 0; i < end - begin; ++i) {
    float rows[2][4];
    for (int x = 0; x < 4; ++x) {
      const float a = sums[x * part + i], b = sums[(4 + x) * part + i];
      const float e = sums[(8 + x) * part + i], f = sums[(12 + x) * part + i];
      rows[0][x] = a + b + e;
      rows[1][x] = b - e - f;
    }
    for (int r = 0; r < 2; ++r) {
      y[r][0][i] = rows[r][0] + rows[r][1] + rows[r][2] + bias;
      y[r][1][i] = rows[r][1] - rows[r][2] - rows[r][3] + bias;
    }
  }
  for_stretches(plan, begin, end, [&](int64_t n, int64_t ty, int64_t tx, int64_t count, int64_t at) {
    float* plane = to + (n * image.channels + channel) * image.height * image.width;
    for (int64_t r = 0; r < 2 && 2 * ty + r < image.height; ++r) {
      float* row = plane + (2 * ty + r) * image.width + 2 * tx;
      const int64_t pairs = std::min(count, (image.width - 2 * tx) / 2);
      const float *even = y[r][0] + at, *odd = y[r][1] + at;
      for (int64_t i = 0; i < pairs; ++i) {
        row[2 * i] = even[i];
        row[2 * i + 1] = odd[i];
      }
      if (pairs < count) { row[2 * pairs] = even[pairs]; }
    }
  });
}

// What a block of tiles needs, and how the 16 places are apart in it.
struct Room {
  Room(const Plan& plan, int64_t tiles, int64_t groups)
      : groups(groups),
        weight_part(groups * plan.weights() + kApart),
        window_part(Panels(0, tiles).count * plan.from.channels * kTiles + kApart),
        sum_part(Panels(0, tiles).count * groups * kTileRows * kTiles + kApart) {}

  // Not a multiple of a page, which would have all places in the same lines of the caches.
  static constexpr int64_t kApart = 64;
  int64_t groups, weight_part, window_part, sum_part;
};

void change_windows(const Plan& plan, const Room& room, const Panels& all, const float* from,
                    float* windows) {
  const int64_t ins = plan.from.channels;
  parallel_for(all.count, 1, [&](int64_t first, int64_t last) {
    for (int64_t panel = first; panel < last; ++panel) {
      change_windows(plan, from, all.first(panel), all.last(panel), room.window_part,
                     windows + panel * ins * kTiles);
    }
  });
}

// The outputs of some groups of channels, from the weights and windows in Winograd's coordinates.
void multiply(const Plan& plan, const Room& room, const Panels& all, const float* changed,
              const float* windows, float* sums, const float* bias, int64_t group, int64_t groups,
              float* to) {
  const int64_t ins = plan.from.channels;
  parallel_for(16 * groups, 1, [&](int64_t begin, int64_t end) {
    for (int64_t place = begin / groups; place * groups < end; ++place) {
      const int64_t low = std::max<int64_t>(0, begin - place * groups);
      const int64_t high = std::min(groups, end - place * groups);
      for (int64_t depth = 0; depth < ins; depth += kDepth) {
        for (int64_t panel = 0; panel < all.count; ++panel) {
          const float* right = windows + place * room.window_part + (panel * ins + depth) * kTiles;
          float* sum = sums + place * room.sum_part + panel * room.groups * kTileRows * kTiles;
          for (int64_t g = low; g < high; ++g) {
            add_up(all.last(panel) - all.first(panel), std::min(kDepth, ins - depth),
                   changed + place * room.weight_part + g * plan.weights() + depth * kTileRows,
                   right, sum + g * kTileRows * kTiles, depth == 0);
          }
        }
      }
    }
  });
  const int64_t rows = std::min(groups * kTileRows, plan.to.channels - group * kTileRows);
  parallel_for(rows * all.count, 8, [&](int64_t begin, int64_t end) {
    for (int64_t job = begin; job < end; ++job) {
      const int64_t panel = job % all.count, row = job / all.count;
      const int64_t channel = group * kTileRows + row;
      change_back(plan, sums + (panel * room.groups * kTileRows + row) * kTiles, room.sum_part,
                  bias ? bias[channel] : 0.f, channel, all.first(panel), all.last(panel), to);
    }
  });
}

// With few channels: the weight is changed once, and small blocks of tiles stay in the second-level
// cache of the thread that makes them.
bool convolve_narrow(const Plan& plan, bool gradient, const float* from, const float* weight,
                     const float* bias, float* to) {
  const int64_t ins = plan.from.channels, outs = plan.to.channels;
  const int64_t most =
      std::max<int64_t>(kTiles, (5 << 18) / 64 / (ins + outs) / kTiles * kTiles);
  const int64_t shares = std::max<int64_t>(threads(), (plan.tiles + most - 1) / most);
  const int64_t blocks = std::min((shares + threads() - 1) / threads() * threads(), plan.tiles);
  const Room room(plan, (plan.tiles + blocks - 1) / blocks, plan.groups());
  const int64_t parts = plan.groups() * plan.stretches();
  Scratch<float> changed(16 * room.weight_part);
  Scratch<Magnitudes> magnitudes(parts);
  change_weight(plan, gradient, weight, 0, plan.groups(), room.weight_part, changed.data,
                magnitudes.data);
  if (!are_alike(magnitudes.data, parts, ins * outs * 9)) { return false; }
  parallel_for(blocks, 1, [&](int64_t first, int64_t last) {
    Scratch<float> windows(16 * room.window_part), sums(16 * room.sum_part);
    for (int64_t block = first; block < last; ++block) {
      const Panels all(plan.tiles * block / blocks, plan.tiles * (block + 1) / blocks);
      change_windows(plan, room, all, from, windows.data);
      multiply(plan, room, all, changed.data, windows.data, sums.data, bias, 0, plan.groups(), to);
    }
  });
  return true;
}

// With many: blocks are as large as memory allows, and the threads share them. A block's windows
// take 24 MB at most; the weights, which are changed for some groups at a time, 16 MB, and the sums
// of these groups at one of the 16 places are to fit the second-level cache.
bool convolve_wide(const Plan& plan, bool gradient, const float* from, const float* weight,
                   const float* bias, float* to) {
  const int64_t ins = plan.from.channels, outs = plan.to.channels;
  const int64_t most = std::max<int64_t>(kTiles, (24 << 20) / 64 / ins);
  const int64_t blocks = (plan.tiles + most - 1) / most, tiles = (plan.tiles + blocks - 1) / blocks;
  const int64_t groups = std::max<int64_t>(
      2, std::min({plan.groups(), (1 << 18) / (Panels(0, tiles).count * kTiles * kTileRows),
                   (1 << 18) / plan.weights()}));
  const Room room(plan, tiles, groups);
  const int64_t parts = plan.groups() * plan.stretches();
  Scratch<float> changed(16 * room.weight_part), windows(16 * room.window_part);
  Scratch<float> sums(16 * room.sum_part);
  Scratch<Magnitudes> magnitudes(parts);
  for (int64_t block = 0; block < blocks; ++block) {
    const Panels all(plan.tiles * block / blocks, plan.tiles * (block + 1) / blocks);
    change_windows(plan, room, all, from, windows.data);
    for (int64_t group = 0; group < plan.groups(); group += groups) {
      const int64_t here = std::min(groups, plan.groups() - group);
      change_weight(plan, gradient, weight, group, group + here, room.weight_part, changed.data,
                    magnitudes.data);
      multiply(plan, room, all, changed.data, windows.data, sums.data, bias, group, here, to);
    }
    // Known only now: a pass of its own over the weights would cost as much as changing them.
    if (block == 0 && !are_alike(magnitudes.data, parts, ins * outs * 9)) { return false; }
  }
  return true;
}

// Below so many pairs of channels, reading all weights again for each small block takes less than
// moving the windows of large blocks out of the second-level cache and back.
constexpr int64_t kNarrow = 300 * 300;

// Whether it is quicker. Of the time of the products as they are, those of Winograd's take four
// fifths at most; measured in that time too, changing the weight takes 16 tiles', changing the
// windows some channels' of the output, and changing back two of the input.
bool is_suited(const Convolution& c) {
  bool suited = c.dims == 2 && !c.channels_last && c.groups == 1;
  for (int i = 1; i < 3; ++i) {
    suited = suited && c.kernel[i] == 3 && c.stride[i] == 1 && c.dilation[i] == 1 && c.padding[i] <= 2;
  }
  if (!suited || std::min({c.in[1], c.in[2], c.out[1], c.out[2]}) < 4) { return false; }
  const int64_t wide = (c.out[2] + 1) / 2, tiles = c.batch * ((c.out[1] + 1) / 2) * wide;
  return 16.0 / tiles + (4 + 32.0 / wide) / c.out_channels + 2.0 / c.in_channels < 0.2;
}

}  // namespace

bool convolve_by_winograd(const Convolution& c, bool gradient, const float* from,
                          const float* weight, const float* bias, float* to) {
  if (!is_suited(c)) { return false; }
  Plan plan;
  plan.batch = c.batch;
  plan.from = {c.in_channels, c.in[1], c.in[2]};
  plan.to = {c.out_channels, c.out[1], c.out[2]};
  plan.pad_y = c.padding[1];
  plan.pad_x = c.padding[2];
  if (gradient) {
    std::swap(plan.from, plan.to);
    plan.pad_y = 2 - plan.pad_y;
    plan.pad_x = 2 - plan.pad_x;
  }
  const int64_t ins = plan.from.channels, outs = plan.to.channels;
  if (!are_alike(from, c.batch * ins * plan.from.height * plan.from.width)) { return false; }
  plan.tiles_y = (plan.to.height + 1) / 2;
  plan.tiles_x = (plan.to.width + 1) / 2;
  plan.tiles = c.batch * plan.tiles_y * plan.tiles_x;
  const auto convolve = ins * outs <= kNarrow ? convolve_narrow : convolve_wide;
  return convolve(plan, gradient, from, weight, bias, to);
}

}  // namespace ofm
