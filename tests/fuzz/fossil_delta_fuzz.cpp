// What is made as a delta makes of the one text the other, is shorter than was allowed, and is text if both are. Any
// bytes are a delta or none; what they make is no longer than allowed. The first bytes of the input choose.

#include "base/check.hpp"
#include "fossil/delta.hpp"
#include "protocol/payload.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace {

namespace fossil = carillon::fossil;
using carillon::protocol::is_utf8;

constexpr std::size_t made_bytes_max = 100'000;

void check_round_trip(std::string_view from, std::string_view to, std::size_t delta_bytes_max) {
    static fossil::encoder used;
    // In memory of exactly their sizes, so that the sanitizer sees a byte read too many.
    const std::vector<char> before{from.begin(), from.end()}, after{to.begin(), to.end()};
    const std::string_view exactly{before.data(), before.size()};
    std::string delta = "kept";
    if (!used.encode(exactly, {after.data(), after.size()}, delta_bytes_max, delta)) return CHECK(delta == "kept");
    CHECK(delta.starts_with("kept"));
    delta.erase(0, 4);
    CHECK(delta.size() < delta_bytes_max);
    CHECK(is_utf8(delta) || !is_utf8(from) || !is_utf8(to));
    CHECK(fossil::apply(exactly, delta, to.size()) == to);
    CHECK(to.empty() || !fossil::apply(exactly, delta, to.size() - 1));
    std::string again;
    fossil::encoder fresh;
    CHECK(fresh.encode(exactly, to, delta_bytes_max, again) && again == delta);
}

void check_delta(std::string_view from, std::string_view delta) {
    const std::vector<char> text{from.begin(), from.end()}, what{delta.begin(), delta.end()};
    const auto made = fossil::apply({text.data(), text.size()}, {what.data(), what.size()}, made_bytes_max);
    CHECK(!made || made->size() <= made_bytes_max);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 3) return 0;
    const std::string_view rest{reinterpret_cast<const char*>(data) + 3, size - 3};
    const std::string_view first = rest.substr(0, rest.size() * data[1] / 255);
    const std::string_view second = rest.substr(first.size());
    switch (data[0] % 4) {
    case 0: check_delta(first, second); break;
    case 1: check_round_trip(first, second, 1 + data[2] * 16u); break;
    case 2: { // something is put in
        const std::size_t at = first.size() * data[2] / 255;
        check_round_trip(first, std::string{first.substr(0, at)}.append(second).append(first.substr(at)), 70'000);
        break;
    }
    default: { // something is left out, and the parts change places
        const std::size_t at = first.size() * data[2] / 255;
        check_round_trip(first, std::string{first.substr(at)}.append(second).append(first.substr(0, at / 2)), 70'000);
        break;
    }
    }
    return 0;
}
