// Convolutions of 3 × 3 at stride 1 by Winograd's way: F(2 × 2, 3 × 3), 16 multiplications for four
// outputs instead of 36. It is as exact as the sum of products itself as long as the numbers are of
// like size: what a large number adds to its neighbours is taken away again, and takes their last
// digits along. Where they are not, and where there are no numbers at all, it is not used.
#include "convolution.h"

namespace ofm {
namespace {

constexpr int64_t kTiles = 48;  // of a block, whose windows are to fit the second-level cache
constexpr int64_t kRows = 16 * kTileRows;  // channels of the output that are made at a time
constexpr float kFarthest = 512, kLargest = 1e15f;

// Whether the largest number is near enough to the mean.
bool are_alike(const float* numbers, int64_t count) {
  const int64_t step = 16384, parts = (count + step - 1) / step;
  Scratch<float> tops(parts), sums(parts);
  parallel_for(parts, 2, [&](int64_t begin, int64_t end) {
    for (int64_t part = begin; part < end; ++part) {
      const float* from = numbers + part * step;
      const int64_t here = std::min(step, count - part * step);
      float sum = 0;
      int32_t top = 0;  // magnitudes compare as integers do, and NaN above them all
#pragma omp simd reduction(+ : sum) reduction(max : top)
      for (int64_t i = 0; i < here; ++i) {
        int32_t bits;
        std::memcpy(&bits, from + i, sizeof bits);
        bits &= 0x7fffffff;
        top = std::max(top, bits);
        sum += std::abs(from[i]);
      }
      std::memcpy(&tops.data[part], &top, sizeof top);
      sums.data[part] = sum;
    }
  });
  double total = 0;
  float top = 0;
  for (int64_t part = 0; part < parts; ++part) {
    if (!(tops.data[part] <= kLargest)) { return false; }
    top = std::max(top, tops.data[part]);
    total += sums.data[part];
  }
  return top <= kFarthest * (total / count);
}

// kTileRows × kVectors sums over the channels. The weights come from the third-level cache, in order,
// and are asked for ahead: they are read once for every block.
template<int kVectors>
void add_up(int64_t depth, const float* weight, const float* windows, float* sums) {
  using V = Vector<float>::type;
  constexpr int64_t size = Vector<float>::size, ahead = 64;
  V sum[kTileRows][kVectors] = {};
  for (int64_t k = 0; k < depth; ++k) {
    __builtin_prefetch(weight + (k + ahead) * kTileRows);
    V right[kVectors];
    for (int v = 0; v < kVectors; ++v) {
      right[v] = *reinterpret_cast<const V*>(windows + k * kTiles + v * size);
    }
    for (int r = 0; r < kTileRows; ++r) {
      const float left = weight[k * kTileRows + r];
      for (int v = 0; v < kVectors; ++v) { sum[r][v] += left * right[v]; }
    }
  }
  for (int r = 0; r < kTileRows; ++r) {
    for (int v = 0; v < kVectors; ++v) {
      *reinterpret_cast<V*>(sums + r * kTiles + v * size) = sum[r][v];
    }
  }
}

void add_up(int64_t tiles, int64_t depth, const float* weight, const float* windows, float* sums) {
  constexpr int64_t size = Vector<float>::size;
  for (int64_t j = 0; j < tiles;) {
    const int64_t vectors = std::min<int64_t>(3, (tiles - j + size - 1) / size);
    if (vectors == 3) {
      add_up<3>(depth, weight, windows + j, sums + j);
    } else if (vectors == 2) {
      add_up<2>(depth, weight, windows + j, sums + j);
    } else {
      add_up<1>(depth, weight, windows + j, sums + j);
    }
    j += vectors * size;
  }
}

// The changed weight's memory, kept by the thread: fresh pages would cost as much as the change.
struct Kept {
  ~Kept() { free(data); }
  float* get(int64_t count) {
    if (count > size) {
      free(data);
      data = static_cast<float*>(aligned_alloc(64, (count * sizeof(float) + 63) / 64 * 64));
      size = count;
    }
    return data;
  }
  float* data = nullptr;
  int64_t size = 0;
};

struct Image {
  int64_t channels, height, width;
};

struct Plan {
  int64_t batch, pad_y, pad_x;
  Image from, to;
  int64_t tiles_y, tiles_x, tiles, blocks;
  int64_t groups() const { return (to.channels + kTileRows - 1) / kTileRows; }
};

// The weight in Winograd's coordinates: (16, groups of channels made, channels added up, kTileRows).
void change_weight(const Plan& plan, bool gradient, const float* weight, float* changed) {
  const int64_t ins = plan.from.channels, outs = plan.to.channels;
  const int64_t part = plan.groups() * ins * kTileRows;
  // For the gradient the channels change places and the kernel is turned round.
  const int64_t out_step = gradient ? 9 : ins * 9, in_step = gradient ? outs * 9 : 9;
  parallel_for(plan.groups(), kGrain / 64 / ins + 1, [=](int64_t begin, int64_t end) {
    float g[9][kTileRows], rows[4][3][kTileRows];
    std::memset(g, 0, sizeof g);
    for (int64_t group = begin; group < end; ++group) {
      const int64_t have = std::min<int64_t>(kTileRows, outs - group * kTileRows);
      if (have < kTileRows) { std::memset(g, 0, sizeof g); }
      for (int64_t c = 0; c < ins; ++c) {
        for (int64_t r = 0; r < have; ++r) {
          const float* taps = weight + (group * kTileRows + r) * out_step + c * in_step;
          for (int t = 0; t < 9; ++t) { g[gradient ? 8 - t : t][r] = taps[t]; }
        }
        for (int x = 0; x < 3; ++x) {
          for (int r = 0; r < kTileRows; ++r) {
            const float ends = g[x][r] + g[6 + x][r];
            rows[0][x][r] = g[x][r];
            rows[1][x][r] = 0.5f * (ends + g[3 + x][r]);
            rows[2][x][r] = 0.5f * (ends - g[3 + x][r]);
            rows[3][x][r] = g[6 + x][r];
          }
        }
        float* to = changed + (group * ins + c) * kTileRows;
        for (int y = 0; y < 4; ++y, to += 4 * part) {
          for (int r = 0; r < kTileRows; ++r) {
            const float ends = rows[y][0][r] + rows[y][2][r];
            to[r] = rows[y][0][r];
            to[part + r] = 0.5f * (ends + rows[y][1][r]);
            to[2 * part + r] = 0.5f * (ends - rows[y][1][r]);
            to[3 * part + r] = rows[y][2][r];
          }
        }
      }
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

// The windows of 4 × 4 of some tiles in Winograd's coordinates: (16, channels, kTiles).
void change_windows(const Plan& plan, const float* from, int64_t begin, int64_t end, float* changed) {
  const Image& image = plan.from;
  const int64_t part = image.channels * kTiles;
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

bool is_suited(const Convolution& c) {
  bool suited = c.dims == 2 && !c.channels_last && c.groups == 1;
  for (int i = 1; i < 3; ++i) {
    suited = suited && c.kernel[i] == 3 && c.stride[i] == 1 && c.dilation[i] == 1 && c.padding[i] <= 2;
  }
  // Changing the weight is to be worth it, and changing the images.
  const int64_t tiles = c.batch * ((c.out[1] + 1) / 2) * ((c.out[2] + 1) / 2);
  const int64_t ins = c.in_channels, outs = c.out_channels;
  const bool worth = tiles >= 512 || (tiles >= 256 && std::max(ins, outs) <= 704);
  return suited && worth && c.out[2] >= 31 && ins * outs >= 32 * (ins + outs)
         && std::min({c.in[1], c.in[2], c.out[1], c.out[2]}) >= 4;
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
  if (!are_alike(weight, ins * outs * 9)
      || !are_alike(from, c.batch * ins * plan.from.height * plan.from.width)) {
    return false;
  }
  plan.tiles_y = (plan.to.height + 1) / 2;
  plan.tiles_x = (plan.to.width + 1) / 2;
  plan.tiles = c.batch * plan.tiles_y * plan.tiles_x;
  const int64_t shares = threads();
  plan.blocks = (plan.tiles + kTiles - 1) / kTiles;
  plan.blocks = std::min((plan.blocks + shares - 1) / shares * shares, plan.tiles);
  thread_local Kept kept;
  float* const changed = kept.get(16 * plan.groups() * ins * kTileRows);
  change_weight(plan, gradient, weight, changed);
  parallel_for(plan.blocks, 1, [&](int64_t first, int64_t last) {
    Scratch<float> windows(16 * ins * kTiles), sums(16 * kRows * kTiles);
    // What is beyond a block's last tile is multiplied too, and must not be anything strange.
    std::memset(windows.data, 0, 16 * ins * kTiles * sizeof(float));
    for (int64_t block = first; block < last; ++block) {
      const int64_t begin = plan.tiles * block / plan.blocks;
      const int64_t end = plan.tiles * (block + 1) / plan.blocks;
      change_windows(plan, from, begin, end, windows.data);
      for (int64_t out = 0; out < outs; out += kRows) {
        const int64_t rows = std::min(kRows, outs - out);
        const int64_t padded = (rows + kTileRows - 1) / kTileRows * kTileRows;
        for (int64_t k = 0; k < 16; ++k) {
          const float* left = changed + (k * plan.groups() + out / kTileRows) * ins * kTileRows;
          const float* right = windows.data + k * ins * kTiles;
          float* sum = sums.data + k * kRows * kTiles;
          for (int64_t r = 0; r < padded; r += kTileRows) {
            add_up(end - begin, ins, left + r * ins, right, sum + r * kTiles);
          }
        }
        for (int64_t r = 0; r < rows; ++r) {
          change_back(plan, sums.data + r * kTiles, kRows * kTiles, bias ? bias[out + r] : 0.f,
                      out + r, begin, end, to);
        }
      }
    }
  });
  return true;
}

}  // namespace ofm
