// In any text exactly the markers are found that a slow model finds, and each says what was written. A byte of the
// input above 127 stands for a marker, or for one end of it, so that the fuzzer reaches them.

#include "base/check.hpp"
#include "load/marker.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace {

using namespace carillon::load;

std::string written(const marker& what) {
    std::array<char, marker_bytes> text;
    write_marker(text, what);
    return {text.begin(), text.end()};
}

std::string text_of(std::string_view input) {
    std::string text;
    std::uint32_t number = 0;
    for (const char each : input) {
        const auto code = static_cast<std::uint8_t>(each);
        number = number * 31 + code;
        if (code < 128) {
            text += each;
            continue;
        }
        const std::uint64_t sequence = std::uint64_t{number} << 16;
        const auto due = static_cast<std::int64_t>(number * std::uint64_t{0x9e3779b97f4a7c15}); // often negative
        const std::string one = written({number, ~number, sequence, clock::time_point{std::chrono::nanoseconds{due}}});
        const std::size_t left_bytes = std::min<std::size_t>(code & 63, marker_bytes);
        text += (code & 64) != 0 ? one.substr(0, left_bytes) : one.substr(marker_bytes - left_bytes);
    }
    return text;
}

bool is_marker(std::string_view text) {
    constexpr std::string_view shape = "@cb:hhhhhhhh:hhhhhhhh:hhhhhhhhhhhh:hhhhhhhhhhhhhhhh@";
    constexpr std::size_t first_of_due = 35;
    const auto fits = [](char letter, char place) {
        return place == 'h' ? (letter >= '0' && letter <= '9') || (letter >= 'a' && letter <= 'f') : letter == place;
    };
    return std::ranges::equal(text, shape, fits) && text[first_of_due] < '8'; // no time is negative
}

std::vector<std::string> model(std::string_view text) {
    std::vector<std::string> found;
    while (!text.empty()) {
        const bool here = is_marker(text.substr(0, marker_bytes));
        if (here) found.emplace_back(text.substr(0, marker_bytes));
        text.remove_prefix(here ? marker_bytes : 1);
    }
    return found;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string made = text_of({reinterpret_cast<const char*>(data), size});
    const std::vector<char> memory{made.begin(), made.end()}; // of exactly the size
    std::string_view text{memory.data(), memory.size()};
    std::vector<std::string> found;
    for (std::size_t left_bytes = text.size(); const auto one = take_marker(text); left_bytes = text.size()) {
        CHECK(text.size() + marker_bytes <= left_bytes);
        CHECK(one->due >= clock::time_point{});
        found.push_back(written(*one));
    }
    CHECK(text.empty());
    CHECK(found == model(made));
    return 0;
}
