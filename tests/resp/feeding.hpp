#pragma once

#include "resp/command.hpp"
#include "resp/outcome.hpp"
#include "resp/reply.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <initializer_list>
#include <ostream>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace carillon::resp::test {

/// A command as a value, for comparing.
struct read_command {
    outcome what{};
    std::vector<std::string> args;
    std::size_t consumed{};
    std::string error;
    bool operator==(const read_command&) const = default;
};

/// A reply as a value, for comparing.
struct read_node {
    type kind{};
    std::uint32_t depth{};
    std::uint32_t children{};
    std::string text;
    std::int64_t integer{};
    bool operator==(const read_node&) const = default;
};

struct read_reply {
    outcome what{};
    std::vector<read_node> nodes;
    std::size_t consumed{};
    std::string error;
    bool operator==(const read_reply&) const = default;
};

inline void PrintTo(const read_command& value, std::ostream* out) {
    *out << "outcome " << static_cast<int>(value.what) << ", consumed " << value.consumed << ", error " << value.error
         << ", args " << testing::PrintToString(value.args);
}

inline void PrintTo(const read_node& value, std::ostream* out) {
    *out << "type " << static_cast<int>(value.kind) << " depth " << value.depth << " children " << value.children
         << " integer " << value.integer << " text " << testing::PrintToString(value.text);
}

inline void PrintTo(const read_reply& value, std::ostream* out) {
    *out << "outcome " << static_cast<int>(value.what) << ", consumed " << value.consumed << ", error " << value.error
         << ", nodes " << testing::PrintToString(value.nodes);
}

inline read_command to_value(const command_parser::step& found) {
    return {found.what, {found.args.begin(), found.args.end()}, found.consumed, std::string{found.error}};
}

inline read_reply to_value(const reply_parser::step& found) {
    read_reply value{found.what, {}, found.consumed, std::string{found.error}};
    for (const node& one : found.nodes)
        value.nodes.push_back({one.kind, one.depth, one.children, std::string{one.text}, one.integer});
    return value;
}

/// Gives `parser` the bytes up to each of `ends` in turn, every time in memory of its own, until it needs no more. A
/// hint that is beyond what turns out to be enough is a failure.
template <class Parser>
auto feed(Parser& parser, std::string_view wire, std::span<const std::size_t> ends) {
    std::size_t needed_most = 0;
    for (const std::size_t end : ends) {
        const std::vector<char> buffer{wire.begin(), wire.begin() + static_cast<std::ptrdiff_t>(end)};
        const auto found = parser.next({buffer.data(), buffer.size()});
        if (found.what == outcome::need_more) {
            EXPECT_GT(found.needed, end) << "a parser that waits must wait for more than it has";
            needed_most = std::max(needed_most, found.needed);
            continue;
        }
        if (found.what == outcome::complete) {
            EXPECT_LE(needed_most, found.consumed) << "the hint promised more than was needed";
        }
        return to_value(found);
    }
    return to_value(typename Parser::step{.what = outcome::need_more});
}

/// Reads `wire` whole, then in two pieces cut at every byte, then byte by byte; all must agree.
template <class Parser, class Limits>
auto read_every_way(std::string_view wire, Limits limits) {
    const std::size_t whole[] = {wire.size()};
    Parser first{limits};
    const auto expected = feed(first, wire, whole);
    for (std::size_t cut = 0; cut <= wire.size(); ++cut) {
        const std::size_t two[] = {cut, wire.size()};
        Parser parser{limits};
        EXPECT_EQ(feed(parser, wire, two), expected) << "cut at byte " << cut;
    }
    std::vector<std::size_t> every;
    for (std::size_t end = 0; end <= wire.size(); ++end) every.push_back(end);
    Parser parser{limits};
    EXPECT_EQ(feed(parser, wire, every), expected) << "byte by byte";
    return expected;
}

/// The pieces one after another.
inline std::string joined(std::initializer_list<std::string_view> pieces) {
    std::string text;
    for (const std::string_view piece : pieces) text += piece;
    return text;
}

/// `count` times `piece`.
inline std::string repeated(std::string_view piece, std::size_t count) {
    std::string text;
    for (std::size_t i = 0; i < count; ++i) text += piece;
    return text;
}

} // namespace carillon::resp::test
