#include "feeding.hpp"
#include "resp/command.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace carillon::resp::test {
namespace {

using namespace std::string_literals;
using namespace std::string_view_literals;

using words = std::vector<std::string>;

read_command read(std::string_view wire, command_limits limits = {}) {
    return read_every_way<command_parser>(wire, limits);
}

read_command whole(words args, std::size_t consumed) { return {outcome::complete, std::move(args), consumed, {}}; }
read_command refused(std::string error) { return {outcome::failed, {}, 0, std::move(error)}; }
read_command unfinished() { return {outcome::need_more, {}, 0, {}}; }

struct good_case {
    std::string_view name;
    std::string_view wire;
    words args;
};

// What redis-server 7.0.15 understood when given these bytes.
const good_case good_cases[] = {
    {"an array of bulk strings is a command", "*2\r\n$4\r\nECHO\r\n$2\r\nhi\r\n"sv, {"ECHO", "hi"}},
    {"arguments may be empty", "*2\r\n$4\r\nECHO\r\n$0\r\n\r\n"sv, {"ECHO", ""}},
    {"arguments may hold any bytes", "*2\r\n$4\r\nECHO\r\n$7\r\n\r\n$1\r\n\0\r\n"sv, {"ECHO", "\r\n$1\r\n\0"s}},
    {"a count of zero is an empty command", "*0\r\n"sv, {}},
    {"a negative count is an empty command", "*-1\r\n"sv, {}},
    {"the smallest count is an empty command", "*-9223372036854775808\r\n"sv, {}},
    {"an empty line is an empty command", "\r\n"sv, {}},
    {"LF alone is an empty line", "\n"sv, {}},
    {"a line of blanks is an empty command", " \t\v\f\r \r\n"sv, {}},
    {"a line is a command", "PING\r\n"sv, {"PING"}},
    {"a line may end with LF alone", "PING\n"sv, {"PING"}},
    {"blanks separate words and surround them", " \tSET  key\tvalue \r\n"sv, {"SET", "key", "value"}},
    {"CR inside a line is a blank", "ECHO\ra\r\n"sv, {"ECHO", "a"}},
    {"VT before a word is a blank", "ECHO \va\r\n"sv, {"ECHO", "a"}},
    {"VT inside a word belongs to it", "ECHO a\vb\r\n"sv, {"ECHO", "a\vb"}},
    {"VT may follow a closing quote", "ECHO \"a\"\vb\r\n"sv, {"ECHO", "a", "b"}},
    {"NUL is a byte like any other", "ECHO a\0b\r\n"sv, {"ECHO", "a\0b"s}},
    {"double quotes keep blanks", "ECHO \"a b\"\r\n"sv, {"ECHO", "a b"}},
    {"single quotes keep blanks", "ECHO 'a b'\r\n"sv, {"ECHO", "a b"}},
    {"quotes may be empty", "ECHO \"\" ''\r\n"sv, {"ECHO", "", ""}},
    {"quotes may begin inside a word", "ECHO a\"b c\"\r\n"sv, {"ECHO", "ab c"}},
    {"hex escapes are bytes",
     R"(ECHO "\x41\x0d\xfF\x00")"
     "\r\n"sv,
     {"ECHO", "A\r\xff\0"s}},
    {"letters escape control characters",
     R"(ECHO "\n\r\t\b\a")"
     "\r\n"sv,
     {"ECHO", "\n\r\t\b\a"}},
    {"other escaped bytes are themselves",
     R"(ECHO "\q\\\"\xZZ\x4")"
     "\r\n"sv,
     {"ECHO", "q\\\"xZZx4"}},
    {"single quotes know one escape",
     R"(ECHO 'it\'s \n \x41 \\ ')"
     "\r\n"sv,
     {"ECHO", R"(it's \n \x41 \\ )"}},
    {"outside of quotes a backslash is itself",
     R"(ECHO a\nb \)"
     "\r\n"sv,
     {"ECHO", "a\\nb", "\\"}},
    {"a quote of the other kind is itself",
     R"(ECHO "it's" '"')"
     "\r\n"sv,
     {"ECHO", "it's", "\""}},
    {"a line may have '*' anywhere but first", "ECHO *1\r\n"sv, {"ECHO", "*1"}},
};

TEST(command_parser, reads_what_redis_reads) {
    for (const good_case& one : good_cases) {
        SCOPED_TRACE(one.name);
        EXPECT_EQ(read(one.wire), whole(one.args, one.wire.size()));
    }
}

struct bad_case {
    std::string_view name;
    std::string_view wire;
    std::string error;
};

// What redis-server 7.0.15 answered after "-ERR ", before it closed the connection.
const bad_case bad_cases[] = {
    {"a count that is no number", "*x\r\n"sv, "Protocol error: invalid multibulk length"},
    {"no count", "*\r\n"sv, "Protocol error: invalid multibulk length"},
    {"a count that is a sign", "*-\r\n"sv, "Protocol error: invalid multibulk length"},
    {"a count with a leading zero", "*01\r\n"sv, "Protocol error: invalid multibulk length"},
    {"a count with a plus", "*+1\r\n"sv, "Protocol error: invalid multibulk length"},
    {"a count of minus zero", "*-0\r\n"sv, "Protocol error: invalid multibulk length"},
    {"a count with a blank", "*1 \r\n"sv, "Protocol error: invalid multibulk length"},
    {"a count beyond 64 bits", "*-9223372036854775809\r\n"sv, "Protocol error: invalid multibulk length"},
    {"a huge count", "*2147483648\r\n"sv, "Protocol error: invalid multibulk length"},
    {"an argument that is no bulk string", "*1\r\n:4\r\n"sv, "Protocol error: expected '$', got ':'"},
    {"an argument that is a high byte", "*1\r\n\xff\r\n"sv, "Protocol error: expected '$', got '\xff'"},
    {"an argument that is an empty line", "*1\r\n\r\n"sv, "Protocol error: expected '$', got ' '"},
    {"an argument that starts with LF", "*1\r\n\n\r\n"sv, "Protocol error: expected '$', got ' '"},
    {"a second argument that is no bulk string", "*2\r\n$1\r\na\r\nb\r\n"sv, "Protocol error: expected '$', got 'b'"},
    {"a length that is no number", "*1\r\n$x\r\n"sv, "Protocol error: invalid bulk length"},
    {"no length", "*1\r\n$\r\n"sv, "Protocol error: invalid bulk length"},
    {"a negative length", "*1\r\n$-1\r\n"sv, "Protocol error: invalid bulk length"},
    {"a length with a leading zero", "*1\r\n$04\r\nPING\r\n"sv, "Protocol error: invalid bulk length"},
    {"a huge length", "*1\r\n$536870913\r\n"sv, "Protocol error: invalid bulk length"},
    {"an open double quote", "ECHO \"a\r\n"sv, "Protocol error: unbalanced quotes in request"},
    {"an open single quote", "ECHO 'a\r\n"sv, "Protocol error: unbalanced quotes in request"},
    {"a quote closed by an escaped quote", "ECHO \"a\\\"\r\n"sv, "Protocol error: unbalanced quotes in request"},
    {"a letter after a closing double quote", "ECHO \"a\"b\r\n"sv, "Protocol error: unbalanced quotes in request"},
    {"a letter after a closing single quote", "ECHO 'a'b\r\n"sv, "Protocol error: unbalanced quotes in request"},
};

TEST(command_parser, refuses_what_redis_refuses_in_the_same_words) {
    for (const bad_case& one : bad_cases) {
        SCOPED_TRACE(one.name);
        EXPECT_EQ(read(one.wire), refused(one.error));
    }
}

TEST(command_parser, is_stricter_than_redis_about_line_ends_and_nul) {
    const bad_case cases[] = {
        {"a count that ends with CR and a letter", "*1\rx$4\r\nPING\r\n"sv, "Protocol error: expected CRLF"},
        {"an argument longer than it says", "*1\r\n$4\r\nPINGxx"sv, "Protocol error: expected CRLF"},
        {"an argument shorter than it says", "*1\r\n$5\r\nPING\r\n*"sv, "Protocol error: expected CRLF"},
        {"an argument that is NUL, where Redis waits", "*1\r\n\0\r\n"sv, "Protocol error: expected '$', got ' '"},
        {"a count with NUL, where Redis waits", "*1\0\r\n"sv, "Protocol error: invalid multibulk length"},
    };
    for (const bad_case& one : cases) {
        SCOPED_TRACE(one.name);
        EXPECT_EQ(read(one.wire), refused(one.error));
    }
}

// What redis-server 7.0.15 with a password answers before the login.
const bad_case login_cases[] = {
    {"as many arguments as allowed", "*10\r\n"sv, ""},
    {"one argument more", "*11\r\n"sv, "Protocol error: unauthenticated multibulk length"},
    {"the largest count", "*2147483647\r\n"sv, "Protocol error: unauthenticated multibulk length"},
    {"a huge count", "*2147483648\r\n"sv, "Protocol error: invalid multibulk length"},
    {"an argument as long as allowed", "*1\r\n$16384\r\n"sv, ""},
    {"an argument that is a byte longer", "*1\r\n$16385\r\n"sv, "Protocol error: unauthenticated bulk length"},
    {"the second argument is longer", "*2\r\n$1\r\na\r\n$16385\r\n"sv, "Protocol error: unauthenticated bulk length"},
    {"the longest argument", "*1\r\n$536870912\r\n"sv, "Protocol error: unauthenticated bulk length"},
    {"a huge length", "*1\r\n$536870913\r\n"sv, "Protocol error: invalid bulk length"},
};

TEST(command_parser, before_the_login_commands_are_small) {
    for (const bad_case& one : login_cases) {
        SCOPED_TRACE(one.name);
        for (std::size_t cut = 0; cut <= one.wire.size(); ++cut) {
            command_parser parser{{.arguments_max = 100, .bulk_bytes_max = 100'000}};
            if (cut > 0) parser.next(one.wire.substr(0, cut), login::missing);
            const auto found = parser.next(one.wire, login::missing);
            EXPECT_EQ(found.what, one.error.empty() ? outcome::need_more : outcome::failed);
            EXPECT_EQ(found.error, one.error);
        }
    }
    command_parser parser{{.arguments_max = 100, .bulk_bytes_max = 100'000}};
    EXPECT_EQ(parser.next("*11\r\n$16385\r\n").what, outcome::need_more) << "afterwards they may be larger";
}

TEST(command_parser, reads_a_pipeline_command_by_command) {
    const std::string wire = "*1\r\n$4\r\nPING\r\nPING\n\r\n*0\r\n*2\r\n$4\r\nECHO\r\n$1\r\nx\r\n";
    const std::vector<words> expected = {{"PING"}, {"PING"}, {}, {}, {"ECHO", "x"}};
    for (std::size_t cut = 0; cut <= wire.size(); ++cut) {
        command_parser parser;
        std::vector<words> found;
        std::string buffer = wire.substr(0, cut);
        for (const bool last : {false, true}) {
            if (last) buffer += wire.substr(cut);
            for (auto step = parser.next(buffer); step.what == outcome::complete; step = parser.next(buffer)) {
                found.emplace_back(step.args.begin(), step.args.end());
                buffer.erase(0, step.consumed);
            }
        }
        EXPECT_EQ(found, expected) << "cut at byte " << cut;
        EXPECT_TRUE(buffer.empty());
    }
}

TEST(command_parser, stays_failed_until_reset) {
    command_parser parser;
    EXPECT_EQ(to_value(parser.next("*1\r\nx\r\n")), refused("Protocol error: expected '$', got 'x'"));
    EXPECT_EQ(to_value(parser.next("PING\r\n")), refused("Protocol error: expected '$', got 'x'"));
    EXPECT_EQ(parser.next("PING\r\n").code, error::expected_bulk);
    parser.reset();
    EXPECT_EQ(to_value(parser.next("PING\r\n")), whole({"PING"}, 6));
}

TEST(command_parser, says_how_many_bytes_it_waits_for) {
    command_parser parser;
    EXPECT_EQ(parser.next("*2\r\n$4\r\nECHO\r\n$1000\r\nabc").needed, 21u + 1000 + 2);
}

struct limit_case {
    std::string_view name;
    command_limits limits;
    std::string fits;
    std::string beyond;
    std::string error;
};

TEST(command_parser, reaches_every_limit_exactly) {
    const command_limits tight{
        .arguments_max = 3, .bulk_bytes_max = 5, .inline_bytes_max = 20, .command_bytes_max = 64};
    command_limits short_commands = tight;
    short_commands.arguments_max = 100;
    short_commands.bulk_bytes_max = 100;
    short_commands.inline_bytes_max = 1000;
    const std::string word = "$1\r\na\r\n";
    const limit_case cases[] = {
        {"arguments", tight, joined({"*3\r\n", repeated(word, 3)}), "*4\r\n",
         "Protocol error: invalid multibulk length"},
        {"bytes of an argument", tight, "*1\r\n$5\r\nabcde\r\n", "*1\r\n$6\r\n", "Protocol error: invalid bulk length"},
        {"words of a line", tight, "a b c\n", "a b c d\n", "Protocol error: too big inline request"},
        {"bytes of a word", tight, "abcde\n", "abcdef\n", "Protocol error: too big inline request"},
        {"bytes of a line", tight, joined({"a", repeated(" ", 19), "\n"}), repeated(" ", 21),
         "Protocol error: too big inline request"},
        {"bytes of a command in its arguments", short_commands, joined({"*1\r\n$53\r\n", repeated("x", 53), "\r\n"}),
         "*1\r\n$54\r\n", "Protocol error: too big request"},
        {"bytes of a command in its last argument", short_commands,
         joined({"*9\r\n", repeated("$0\r\n\r\n", 8), "$6\r\nabcdef\r\n"}),
         joined({"*9\r\n", repeated("$0\r\n\r\n", 8), "$7\r\n"}), "Protocol error: too big request"},
        {"bytes of a command in a header", short_commands,
         joined({"*10\r\n", repeated("$0\r\n\r\n", 8), "$1\r\na\r\n$0"}),
         joined({"*10\r\n", repeated("$0\r\n\r\n", 8), "$1\r\na\r\n$00"}), "Protocol error: too big request"},
        {"bytes of a line within those of a command", short_commands, joined({repeated(" ", 63), "\n"}),
         repeated(" ", 64), "Protocol error: too big inline request"},
    };
    for (const limit_case& one : cases) {
        SCOPED_TRACE(one.name);
        EXPECT_NE(read(one.fits, one.limits).what, outcome::failed);
        EXPECT_EQ(read(one.beyond, one.limits), refused(one.error));
    }
    EXPECT_EQ(read(joined({"*1\r\n$53\r\n", repeated("x", 53), "\r\n"}), short_commands).consumed, 64u);
}

TEST(command_parser, ends_lines_that_do_not_end_where_redis_does) {
    // 65536 bytes without a line end are waited on; one more is refused.
    const bad_case cases[] = {
        {"inline", "", "Protocol error: too big inline request"},
        {"count", "*", "Protocol error: too big mbulk count string"},
        {"length", "*1\r\n$", "Protocol error: too big bulk count string"},
    };
    for (const bad_case& one : cases) {
        SCOPED_TRACE(one.name);
        const std::size_t before = one.wire.starts_with("*1") ? 4 : 0;
        std::string wire{one.wire};
        wire.resize(before + 65536, '1');
        command_parser parser;
        EXPECT_EQ(to_value(parser.next(wire)), unfinished());
        wire += '1';
        EXPECT_EQ(to_value(parser.next(wire)), refused(one.error));
    }
}

TEST(command_parser, refuses_long_lines_even_when_their_end_has_arrived) {
    const command_limits tight{
        .arguments_max = 3, .bulk_bytes_max = 5, .inline_bytes_max = 20, .command_bytes_max = 64};
    const bad_case cases[] = {
        {"longest line", "                    \n", ""},
        {"longer line", "                     \n", "Protocol error: too big inline request"},
        {"longest count", "*1111111111111111111\r\n", "Protocol error: invalid multibulk length"},
        {"longer count", "*11111111111111111111\r\n", "Protocol error: too big mbulk count string"},
        {"longest length", "*1\r\n$1111111111111111111\r\n", "Protocol error: invalid bulk length"},
        {"longer length", "*1\r\n$11111111111111111111\r\n", "Protocol error: too big bulk count string"},
    };
    for (const bad_case& one : cases) {
        SCOPED_TRACE(one.name);
        EXPECT_EQ(read(one.wire, tight).error, one.error);
    }
}

/// The plain model: what an array of bulk strings means, read at once.
std::string encoded(const words& args) {
    std::string wire = fmt::format("*{}\r\n", args.size());
    for (const std::string& arg : args) wire += fmt::format("${}\r\n{}\r\n", arg.size(), arg);
    return wire;
}

TEST(command_parser, reads_random_pipelines_in_random_pieces) {
    std::mt19937 random{20240607};
    const auto below = [&](std::size_t n) { return std::uniform_int_distribution<std::size_t>{0, n - 1}(random); };
    for (int round = 0; round < 300; ++round) {
        std::vector<words> expected(1 + below(8));
        std::string wire;
        for (words& command : expected) {
            command.resize(below(6));
            for (std::string& arg : command) {
                arg.resize(below(40));
                for (char& c : arg) c = "\r\n$*\0ab1"[below(8)];
            }
            wire += encoded(command);
        }
        command_parser parser;
        std::vector<words> found;
        std::string buffer;
        while (!wire.empty()) {
            const std::size_t piece = std::min(wire.size(), 1 + below(60));
            buffer += wire.substr(0, piece);
            wire.erase(0, piece);
            for (auto step = parser.next(buffer); step.what != outcome::need_more; step = parser.next(buffer)) {
                ASSERT_EQ(step.what, outcome::complete) << step.error;
                found.emplace_back(step.args.begin(), step.args.end());
                buffer.erase(0, step.consumed);
            }
        }
        EXPECT_EQ(found, expected);
    }
}

} // namespace
} // namespace carillon::resp::test
