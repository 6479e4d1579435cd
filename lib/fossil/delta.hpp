#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// Deltas in the format of the Fossil version control system: how to make one text of another (docs/deltas.md).
namespace carillon::fossil {

/// Nothing is tried with longer texts. It is what a publication may have unless the operator says otherwise, and making
/// a delta of it takes at worst two or three milliseconds of a turn.
inline constexpr std::size_t input_bytes_max = 64 * 1024;

/// Makes deltas; keeps its tables for the next. Not thread-safe.
class encoder {
public:
    /// Appends what makes `to` of `from`. False, and nothing is appended, when that would take `bytes_max` bytes or
    /// more, or one of them is longer than input_bytes_max. Between texts in UTF-8 it is in UTF-8 itself. Time in
    /// proportion to both lengths.
    bool encode(std::string_view from, std::string_view to, std::size_t bytes_max, std::string& out);

private:
    struct match;

    void index(std::string_view from);
    match longest(std::string_view from, std::string_view to, std::size_t at, std::size_t literal) const;

    std::vector<std::uint32_t> first_; // by the hash of its bytes: the block's number + 1
    std::vector<std::uint32_t> next_;  // by block: another one with that hash
    unsigned hash_bits_ = 0;
};

/// What a delta makes of `from`; empty: it is none, or is not for this text, or makes more than `bytes_max` bytes.
std::optional<std::string> apply(std::string_view from, std::string_view delta, std::size_t bytes_max);

} // namespace carillon::fossil
