#include "ws/frame.hpp"

#include <bit>
#include <cstring>

namespace carillon::ws {
namespace {

// Sixteen bytes in one register on every target that has such registers (SSE2, NEON), two words elsewhere. Spelled out,
// because the compilers turn the plain loop into this only at -O3.
using block = std::uint64_t __attribute__((vector_size(16)));
constexpr std::size_t unrolled = 4;

template <class Word>
void mask_word(std::byte* at, Word key) noexcept {
    Word word;
    std::memcpy(&word, at, sizeof word);
    word ^= key;
    std::memcpy(at, &word, sizeof word);
}

// The key that begins at byte `offset` of the frame, which need not be its first.
mask_key turned(mask_key mask, std::size_t offset) noexcept {
    const int bits = static_cast<int>(8 * (offset % sizeof(mask)));
    return std::endian::native == std::endian::little ? std::rotr(mask, bits) : std::rotl(mask, bits);
}

} // namespace

void apply_mask(std::span<std::byte> payload, mask_key mask, std::size_t offset) noexcept {
    const mask_key narrow = turned(mask, offset);
    const std::uint64_t wide = std::uint64_t{narrow} << 32 | narrow;
    const block widest{wide, wide};

    std::byte* at = payload.data();
    std::size_t left = payload.size();
    for (; left >= unrolled * sizeof(block); at += unrolled * sizeof(block), left -= unrolled * sizeof(block))
        for (std::size_t i = 0; i < unrolled; ++i) mask_word(at + i * sizeof(block), widest);
    for (; left >= sizeof(wide); at += sizeof(wide), left -= sizeof(wide)) mask_word(at, wide);
    if (left >= sizeof(narrow)) {
        mask_word(at, narrow);
        at += sizeof(narrow);
        left -= sizeof(narrow);
    }
    const auto last = std::bit_cast<std::array<std::byte, sizeof(narrow)>>(narrow);
    for (std::size_t i = 0; i < left; ++i) at[i] ^= last[i];
}

} // namespace carillon::ws
