#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace carillon::streams {

/// Which incarnation of a stream an offset is of: a short text that means nothing else (protocol §5). Another one
/// after a stream has been forgotten, whose offsets then begin anew.
class epoch {
public:
    static constexpr std::size_t bytes_max = 15;

    epoch() noexcept = default;
    /// No longer than bytes_max, else it is no epoch of ours: then `fits` is false.
    static bool fits(std::string_view text) noexcept { return text.size() <= bytes_max; }
    explicit epoch(std::string_view text) noexcept;
    /// Letters and digits for a number.
    static epoch of_number(std::uint64_t number) noexcept;

    std::string_view view() const noexcept { return {text_.data(), static_cast<unsigned char>(text_[bytes_max])}; }
    bool empty() const noexcept { return text_[bytes_max] == 0; }
    bool operator==(const epoch&) const noexcept = default;

private:
    std::array<char, bytes_max + 1> text_{}; // the last has the length
};

/// A place in a stream: the offset of a publication, 0 before the first, and the epoch.
struct position {
    std::uint64_t offset = 0;
    streams::epoch epoch{};
    bool operator==(const position&) const noexcept = default;
};

} // namespace carillon::streams
