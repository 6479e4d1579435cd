#include "base/check.hpp"
#include "resp/command.hpp"
#include "resp/glob.hpp"
#include "resp/writer.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace {

using namespace carillon::resp;

// Small, so that the fuzzer reaches them.
constexpr command_limits limits{
    .arguments_max = 16, .bulk_bytes_max = 100, .inline_bytes_max = 200, .command_bytes_max = 400};

/// What a parser made of a stream, written down.
struct history {
    std::vector<std::vector<std::string>> commands;
    std::string error;
    bool operator==(const history&) const = default;
};

/// Reads a stream that arrives in pieces of `piece` bytes, each time in memory of its own.
history read(std::string_view wire, std::size_t piece) {
    history found;
    command_parser parser{limits};
    std::size_t start = 0;
    for (std::size_t end = 0; end < wire.size();) {
        end = std::min(wire.size(), end + piece);
        for (;;) {
            const std::vector<char> buffer(wire.begin() + static_cast<std::ptrdiff_t>(start),
                                           wire.begin() + static_cast<std::ptrdiff_t>(end));
            const auto step = parser.next({buffer.data(), buffer.size()});
            if (step.what == outcome::need_more) {
                CHECK(step.needed > buffer.size());
                CHECK(buffer.size() <= limits.command_bytes_max);
                break;
            }
            if (step.what == outcome::failed) {
                found.error = step.error;
                return found;
            }
            CHECK(step.consumed > 0 && step.consumed <= buffer.size());
            CHECK(step.args.size() <= limits.arguments_max);
            found.commands.emplace_back(step.args.begin(), step.args.end());
            start += step.consumed;
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
    // What was understood, written by a client, is understood the same way.
    for (const auto& command : found.commands) {
        const std::vector<std::string_view> words{command.begin(), command.end()};
        std::string again;
        append_command(again, words);
        CHECK(again.size() == command_bytes(words));
        command_parser parser;
        const auto step = parser.next(again);
        CHECK(step.what == outcome::complete && step.consumed == again.size());
        CHECK(std::equal(step.args.begin(), step.args.end(), words.begin(), words.end()));
        if (words.size() == 2) glob_match(words[0], words[1]);
    }
    return 0;
}
