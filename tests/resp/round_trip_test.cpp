#include "feeding.hpp"
#include "rare_types.hpp"
#include "resp/reply.hpp"
#include "resp/writer.hpp"

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace carillon::resp::test {
namespace {

/// Writes random values with the writer, and at the same time what a reader must make of them.
class random_value {
public:
    random_value(std::mt19937& random, version dialect) : random_(random), dialect_(dialect) {}

    void write(std::uint32_t depth) {
        if (dialect_ == version::resp3 && below(12) == 0) {
            const std::size_t pairs = below(3);
            append_attribute_header(wire, pairs);
            write_children(type::attribute, depth, pairs * 2);
        }
        if (depth < 5 && below(3) == 0) return write_aggregate(depth);
        write_scalar(depth);
    }

    std::string wire;
    std::vector<read_node> expected;

private:
    std::size_t below(std::size_t n) { return std::uniform_int_distribution<std::size_t>{0, n - 1}(random_); }

    std::string bytes(std::string_view alphabet) {
        std::string text(below(12), ' ');
        for (char& c : text) c = alphabet[below(alphabet.size())];
        return text;
    }

    void expect(type kind, std::uint32_t depth, std::string text, std::int64_t integer = 0) {
        expected.push_back({kind, depth, 0, std::move(text), integer});
    }

    void write_children(type kind, std::uint32_t depth, std::size_t count) {
        expected.push_back({kind, depth, static_cast<std::uint32_t>(count), {}, 0});
        for (std::size_t i = 0; i < count; ++i) write(depth + 1);
    }

    void write_aggregate(std::uint32_t depth) {
        const std::size_t count = below(4);
        const bool resp3 = dialect_ == version::resp3;
        switch (below(depth == 0 ? 4 : 3)) {
        case 0: append_array_header(wire, count); return write_children(type::array, depth, count);
        case 1:
            append_map_header(wire, count, dialect_);
            return write_children(resp3 ? type::map : type::array, depth, count * 2);
        case 2:
            append_set_header(wire, count, dialect_);
            return write_children(resp3 ? type::set : type::array, depth, count);
        default:
            append_push_header(wire, count, dialect_);
            return write_children(resp3 ? type::push : type::array, depth, count);
        }
    }

    void write_scalar(std::uint32_t depth) {
        constexpr std::string_view any{"\r\n$*_a\0\xff", 8};
        constexpr std::string_view printable = "ab +-$*";
        const bool resp3 = dialect_ == version::resp3;
        switch (below(11)) {
        case 0: expect(type::simple_string, depth, bytes(printable)); return append_simple(wire, expected.back().text);
        case 1: expect(type::error, depth, bytes(printable)); return append_error(wire, expected.back().text);
        case 2: {
            const auto number = static_cast<std::int64_t>(random_()) << below(33);
            expect(type::integer, depth, {}, below(2) == 0 ? number : -number);
            return append_integer(wire, expected.back().integer);
        }
        case 3: expect(type::null, depth, {}); return append_null(wire, dialect_);
        case 4: expect(type::null, depth, {}); return append_null_array(wire, dialect_);
        case 5: {
            const bool truth = below(2) == 0;
            expect(resp3 ? type::boolean : type::integer, depth, {}, truth ? 1 : 0);
            return append_boolean(wire, truth, dialect_);
        }
        case 6: {
            const double number = static_cast<double>(random_()) / static_cast<double>(1 + below(1000));
            append_double(wire, number, dialect_);
            const std::size_t start = wire.rfind('\n', wire.size() - 3);
            const std::size_t from = resp3 ? (start == std::string::npos ? 1 : start + 2) : start + 1;
            expect(resp3 ? type::double_ : type::bulk_string, depth, wire.substr(from, wire.size() - 2 - from));
            return;
        }
        case 7:
            expect(resp3 ? type::verbatim : type::bulk_string, depth, bytes(any));
            return append_verbatim(wire, expected.back().text, dialect_);
        case 8:
            expect(resp3 ? type::big_number : type::bulk_string, depth, joined({"-1", bytes("0123456789")}));
            return append_big_number(wire, expected.back().text, dialect_);
        case 9:
            expect(resp3 ? type::blob_error : type::error, depth, bytes(resp3 ? any : printable));
            return append_blob_error(wire, expected.back().text, dialect_);
        default: expect(type::bulk_string, depth, bytes(any)); return append_bulk(wire, expected.back().text);
        }
    }

    std::mt19937& random_;
    version dialect_;
};

TEST(round_trip, random_trees_are_read_as_they_were_written) {
    std::mt19937 random{3};
    std::size_t deepest = 0;
    for (int round = 0; round < 400; ++round) {
        for (const version dialect : {version::resp2, version::resp3}) {
            random_value value{random, dialect};
            value.write(0);
            for (const read_node& one : value.expected) deepest = std::max<std::size_t>(deepest, one.depth);
            const auto found = read_every_way<reply_parser>(value.wire, reply_limits{});
            ASSERT_EQ(found, (read_reply{outcome::complete, value.expected, value.wire.size(), ""})) << value.wire;
        }
    }
    EXPECT_GE(deepest, 5u);
}

TEST(round_trip, commands_of_a_client_are_read_by_a_server) {
    std::string wire;
    append_command(wire, {"PUBLISH", "news", "a\r\nb"});
    const auto found = read_every_way<command_parser>(wire, command_limits{});
    EXPECT_EQ(found, (read_command{outcome::complete, {"PUBLISH", "news", "a\r\nb"}, wire.size(), ""}));
}

TEST(round_trip, damaged_replies_are_refused_or_read_alike_in_every_way) {
    std::mt19937 random{5};
    for (int round = 0; round < 300; ++round) {
        random_value value{random, version::resp3};
        value.write(0);
        for (int damage = 0; damage < 2; ++damage)
            value.wire[random() % value.wire.size()] = "\r\n$*0129%~>|_:+-?\xff"[random() % 18];
        read_every_way<reply_parser>(value.wire, reply_limits{.nodes_max = 50, .depth_max = 4, .bytes_max = 500});
        read_every_way<command_parser>(value.wire, command_limits{.command_bytes_max = 64});
    }
}

} // namespace
} // namespace carillon::resp::test
