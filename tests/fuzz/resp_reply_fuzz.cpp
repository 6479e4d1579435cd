#include "base/check.hpp"
#include "resp/reply.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace {

using namespace carillon::resp;

// Small, so that the fuzzer reaches them.
constexpr reply_limits limits{.nodes_max = 40, .depth_max = 4, .bytes_max = 400, .text_bytes_max = 50};

/// What a parser made of a stream, written down.
struct history {
    std::vector<std::string> values;
    std::string error;
    bool operator==(const history&) const = default;
};

std::string described(const node& value) {
    return std::to_string(static_cast<int>(value.kind)) + ' ' + std::to_string(value.depth) + ' ' +
           std::to_string(value.children) + ' ' + std::to_string(value.integer) + ' ' + std::string{value.text};
}

/// Every aggregate is followed by exactly its children, and the sequence is one value with its remarks.
void check_tree(std::span<const node> nodes) {
    std::vector<std::size_t> left{1};
    for (const node& value : nodes) {
        while (left.back() == 0) left.pop_back();
        CHECK(value.depth == left.size() - 1);
        if (value.kind != type::attribute) --left.back();
        if (value.children > 0) left.push_back(value.children);
    }
    CHECK(std::all_of(left.begin(), left.end(), [](std::size_t count) { return count == 0; }));
}

/// Reads a stream that arrives in pieces of `piece` bytes, each time in memory of its own.
history read(std::string_view wire, std::size_t piece) {
    history found;
    reply_parser parser{limits};
    std::string kept;
    for (std::size_t end = 0; end < wire.size();) {
        kept += wire.substr(end, piece);
        end = std::min(wire.size(), end + piece);
        for (;;) {
            const std::vector<char> buffer(kept.begin(), kept.end());
            const auto step = parser.next({buffer.data(), buffer.size()});
            if (step.what == outcome::need_more && step.drop_count > 0) {
                CHECK(step.drop_at + step.drop_count <= buffer.size());
                kept.erase(step.drop_at, step.drop_count);
                continue;
            }
            if (step.what == outcome::need_more) {
                CHECK(step.needed > buffer.size());
                CHECK(buffer.size() <= limits.bytes_max);
                break;
            }
            if (step.what == outcome::failed) {
                found.error = step.error;
                return found;
            }
            CHECK(step.consumed > 0 && step.consumed <= buffer.size());
            CHECK(!step.nodes.empty() && step.nodes.size() <= limits.nodes_max);
            check_tree(step.nodes);
            for (const node& value : step.nodes) found.values.push_back(described(value));
            kept.erase(0, step.consumed);
        }
    }
    return found;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view wire{reinterpret_cast<const char*>(data), size};
    const history found = read(wire, size + 1);
    CHECK(read(wire, 1) == found);
    CHECK(read(wire, 7) == found);
    return 0;
}
