// The inner loop of the window join: an int8 product, a threshold test on it while it is still in registers, and the
// exact fp32 similarity of the few pairs that pass. A plain C interface, called through ctypes by native.py.
//
// sieve.py explains what the bytes mean and proves that the test loses no pair. Here only this matters: with u the
// unsigned bytes of a column and q the signed bytes of a row, the pair is a candidate when
//
//     sum_k q[k] * u[k]  +  bias[column]  >=  threshold - offset[row]       (in integers: nothing rounds or saturates)
//
// The bytes are in panels of 16 columns, [panel][k / 4][16 columns][4], so that one 64-byte load holds four consecutive
// k of sixteen columns: what one vpdpbusd multiplies by four bytes of a row. Columns stream through the caches once per
// block of rows, whose own bytes stay in the first level. Nothing else needs blocking.

#include <immintrin.h>

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

// The best instruction set that this machine and the kernel share; numbers as in native.Isa.
extern "C" int objectmate_isa() {
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vnni"))
        return 2;
    return __builtin_cpu_supports("avx2") ? 1 : 0;
}

#pragma GCC target("avx2")  // everything below needs at least AVX2; FMA stays off, since it would change the rounding

namespace {

constexpr int ROWS = 8, PANEL = 16, PANELS = 3;  // a tile is 8 x 48: 24 of the 32 vector registers hold its sums
constexpr int COLUMNS = PANEL * PANELS;
constexpr int32_t NEVER = 1 << 29;  // a need that no sum reaches

// One tile: 8 rows against 48 columns. Sets bit c of hits[r] if row r and column c are a candidate. Returns false if
// there is none, as in almost every tile.
// rows: [quads][8] groups of four signed bytes; columns: the first of three panels; need: threshold - offset of a row.
using Tile = bool (*)(const int32_t* rows, const uint8_t* columns, int quads, const int32_t* bias, const int32_t* need,
                      uint64_t* hits);

// Every loop over the accumulators must be unrolled; otherwise they move from registers to memory.
#define UNROLL _Pragma("GCC unroll 8")

__attribute__((target("avx512f,avx512bw,avx512vnni"))) bool tile_avx512(const int32_t* rows, const uint8_t* columns,
                                                                        int quads, const int32_t* bias,
                                                                        const int32_t* need, uint64_t* hits) {
    // Sums start at bias - need, so that a candidate's sum is not negative: the test looks at sign bits only.
    __m512i sum[ROWS][PANELS];
    UNROLL for (int r = 0; r < ROWS; r++)
        UNROLL for (int p = 0; p < PANELS; p++)
            sum[r][p] = _mm512_sub_epi32(_mm512_loadu_si512(bias + p * PANEL), _mm512_set1_epi32(need[r]));
    const int64_t panel = int64_t(quads) * 64;
    for (int q = 0; q < quads; q++, columns += 64, rows += ROWS) {
        __m512i column[PANELS];
        UNROLL for (int p = 0; p < PANELS; p++) column[p] = _mm512_loadu_si512(columns + p * panel);
        UNROLL for (int r = 0; r < ROWS; r++) {
            const __m512i row = _mm512_set1_epi32(rows[r]);
            UNROLL for (int p = 0; p < PANELS; p++) sum[r][p] = _mm512_dpbusd_epi32(sum[r][p], column[p], row);
        }
    }
    __m512i negative = sum[0][0];
    UNROLL for (int r = 0; r < ROWS; r++)
        UNROLL for (int p = 0; p < PANELS; p++) negative = _mm512_and_si512(negative, sum[r][p]);
    if (!_mm512_cmpge_epi32_mask(negative, _mm512_setzero_si512())) return false;
    UNROLL for (int r = 0; r < ROWS; r++) {
        hits[r] = 0;
        UNROLL for (int p = 0; p < PANELS; p++)
            hits[r] |= uint64_t(_mm512_cmpge_epi32_mask(sum[r][p], _mm512_setzero_si512())) << (p * PANEL);
    }
    return true;
}

// The same with 256-bit registers, 4 rows x 16 columns at a time. vpmaddubsw adds two products in 16 bits, with
// saturation; LEVELS (native.py) keeps the bytes so small that it never saturates.
bool tile_avx2(const int32_t* rows, const uint8_t* columns, int quads, const int32_t* bias, const int32_t* need,
               uint64_t* hits) {
    constexpr int HALF = ROWS / 2;
    std::fill(hits, hits + ROWS, 0);
    bool any = false;
    for (int part = 0; part < 2 * PANELS; part++) {
        const int p = part / 2, first = part % 2 * HALF;
        const uint8_t* column = columns + int64_t(p) * quads * 64;
        __m256i sum[HALF][2];
        UNROLL for (int r = 0; r < HALF; r++)
            UNROLL for (int h = 0; h < 2; h++)
                sum[r][h] = _mm256_sub_epi32(_mm256_loadu_si256((const __m256i*)(bias + p * PANEL) + h),
                                             _mm256_set1_epi32(need[first + r]));
        for (int q = 0; q < quads; q++)
            UNROLL for (int r = 0; r < HALF; r++) {
                const __m256i row = _mm256_set1_epi32(rows[q * ROWS + first + r]);
                UNROLL for (int h = 0; h < 2; h++) {
                    const __m256i bytes = _mm256_loadu_si256((const __m256i*)(column + q * 64) + h);
                    const __m256i fours = _mm256_madd_epi16(_mm256_maddubs_epi16(bytes, row), _mm256_set1_epi16(1));
                    sum[r][h] = _mm256_add_epi32(sum[r][h], fours);
                }
            }
        UNROLL for (int r = 0; r < HALF; r++)
            UNROLL for (int h = 0; h < 2; h++) {
                const unsigned mask = ~_mm256_movemask_ps(_mm256_castsi256_ps(sum[r][h])) & 0xFF;
                hits[first + r] |= uint64_t(mask) << (p * PANEL + h * 8);
                any |= mask != 0;
            }
    }
    return any;
}

// The similarity that decides: `row_products` of scores.py to the last bit. The products are folded, upper half onto
// lower half, until one is left. `parts` has room for d + 1 values.
float similarity(const float* a, const float* b, int d, float* parts) {
    for (int k = 0; k < d; k++) parts[k] = a[k] * b[k];
    while (d > 1) {
        if (d % 2) parts[d++] = 0;
        d /= 2;
        for (int k = 0; k < d; k++) parts[k] += parts[k + d];
    }
    return parts[0];
}

}  // namespace

// What stays the same throughout a join; native.Work has the same fields. Arrays of columns are padded to whole tiles
// of 48 with a bias that no row reaches.
struct Work {
    const float* vectors;   // [n, d]
    const uint8_t* bytes;   // [n / 16][quads][16][4]
    const int32_t* bias;    // [n]
    const int32_t* offset;  // [n]
    const int64_t* groups;  // [n], or null: pairs inside a group are left out
    int64_t n;
    int32_t d, quads, threshold, isa;
    float low, high;
};

// Pairs row < column in the window, for rows [begin, end), at most 65536 rows. Starts at column *column, which is set
// to n when all are done, or to where to continue when fewer than `(end - begin) * 48` places are left: the most that
// one step of columns can fill. Writes row - begin, column and similarity; returns how many. Columns of a row ascend.
extern "C" int64_t objectmate_window_join_1(const Work* work, int64_t begin, int64_t end, int64_t* column,
                                            int64_t capacity, uint16_t* rows, int32_t* columns, float* similarities) {
    const Tile tile = work->isa == 2 ? tile_avx512 : tile_avx2;
    const int quads = work->quads;
    const int64_t tiles = (end - begin + ROWS - 1) / ROWS;
    // The block's rows as signed bytes (flipping the top bit removes the 128), [tile][quads][8].
    std::vector<int32_t> block(tiles * quads * ROWS, 0), need(tiles * ROWS, NEVER);
    for (int64_t i = begin; i < end; i++) {
        const int32_t* from = (const int32_t*)work->bytes + (i / PANEL * quads * PANEL + i % PANEL);
        int32_t* to = block.data() + (i - begin) / ROWS * quads * ROWS + (i - begin) % ROWS;
        for (int q = 0; q < quads; q++) to[q * ROWS] = from[q * PANEL] ^ int32_t(0x80808080);
        need[i - begin] = work->threshold - work->offset[i];
    }
    std::vector<float> parts(work->d + 1);
    std::vector<std::pair<int64_t, int64_t>> candidates;
    uint64_t hits[ROWS];
    int64_t found = 0, first = std::max(*column, begin / COLUMNS * COLUMNS);
    for (; first < work->n && capacity - found >= (end - begin) * COLUMNS; first += COLUMNS) {
        const uint8_t* bytes = work->bytes + first * quads * 4;
        candidates.clear();
        for (int64_t t = 0; t < tiles; t++) {
            if (!tile(&block[t * quads * ROWS], bytes, quads, work->bias + first, &need[t * ROWS], hits)) continue;
            for (int r = 0; r < ROWS; r++)
                for (uint64_t left = hits[r]; left; left &= left - 1) {
                    const int64_t i = begin + t * ROWS + r, j = first + __builtin_ctzll(left);
                    if (i >= j || (work->groups && work->groups[i] == work->groups[j])) continue;
                    candidates.emplace_back(i, j);
                    // Scored after all tiles are done: meanwhile the columns' vectors are being fetched.
                    for (int k = 0; k < work->d; k += 16) __builtin_prefetch(work->vectors + j * work->d + k);
                }
        }
        for (const auto& [i, j] : candidates) {
            const float score = similarity(work->vectors + i * work->d, work->vectors + j * work->d, work->d, parts.data());
            if (!(score >= work->low && score <= work->high)) continue;
            rows[found] = uint16_t(i - begin);
            columns[found] = int32_t(j);
            similarities[found++] = score;
        }
    }
    *column = std::min(first, work->n);
    return found;
}
