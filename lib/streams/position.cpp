#include "streams/position.hpp"

#include "base/check.hpp"

#include <algorithm>

namespace carillon::streams {

epoch::epoch(std::string_view text) noexcept {
    CHECK(fits(text));
    std::copy(text.begin(), text.end(), text_.begin());
    text_[bytes_max] = static_cast<char>(text.size());
}

epoch epoch::of_number(std::uint64_t number) noexcept {
    constexpr std::string_view digits = "abcdefghijklmnopqrstuvwxyz234567";
    std::array<char, 13> text{}; // 65 bits
    for (char& each : text) {
        each = digits[number % digits.size()];
        number /= digits.size();
    }
    // The lower 40 bits tell incarnations apart well enough, and every reply has them.
    return epoch{std::string_view{text.data(), 8}};
}

} // namespace carillon::streams
