// Whatever a client sends as compressed comes to no more than the limit, the same each time, and what we make of it is
// read again as it was, also with the small window. Whatever it offers, what is agreed upon has an answer. The first
// byte of the input chooses.

#include "base/check.hpp"
#include "http/deflate_offer.hpp"
#include "ws/deflater.hpp"
#include "ws/inflater.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace {

using namespace carillon;

constexpr std::size_t bytes_max = 5000;

std::string inflated(ws::inflater& reader, std::string_view payload, ws::error& why) {
    const std::vector<char> exactly{payload.begin(), payload.end()};
    const auto made = reader.inflate(as_bytes({exactly.data(), exactly.size()}), bytes_max);
    CHECK(made.message.size() <= bytes_max);
    why = made.why;
    return std::string{as_text(made.message)};
}

void check_inflater(std::string_view payload) {
    static ws::inflater used;
    ws::error first{}, again{}, fresh{};
    const std::string message = inflated(used, payload, first);
    CHECK(inflated(used, payload, again) == message && again == first);
    ws::inflater other;
    CHECK(inflated(other, payload, fresh) == message && fresh == first);
}

void check_round_trip(std::string_view message, ws::deflate_window most) {
    static ws::deflater writer{1};
    static ws::inflater reader;
    std::string payload;
    if (message.size() > bytes_max || !writer.deflate(message, most, payload)) return;
    CHECK(payload.size() < message.size());
    ws::error why{};
    CHECK(inflated(reader, payload, why) == message && why == ws::error::none);
}

void check_offer(std::string_view value) {
    const std::vector<char> exactly{value.begin(), value.end()};
    auto chosen = http::deflate_agreement::none;
    if (!http::choose_deflate({exactly.data(), exactly.size()}, chosen)) return;
    const std::string_view answer = http::answer_to_deflate(chosen);
    CHECK(answer.empty() == (chosen == http::deflate_agreement::none));
    // An answer is an offer that could be made.
    auto of_answer = http::deflate_agreement::none;
    CHECK(http::choose_deflate(answer, of_answer) && of_answer == chosen);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 1) return 0;
    const std::string_view rest{reinterpret_cast<const char*>(data + 1), size - 1};
    switch (data[0] % 4) {
    case 0: check_inflater(rest); break;
    case 1: check_round_trip(rest, ws::deflate_window::wide); break;
    case 2: check_round_trip(rest, ws::deflate_window::narrow); break;
    default: check_offer(rest); break;
    }
    return 0;
}
