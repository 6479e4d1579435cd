#include "http/deflate_offer.hpp"
#include "http/heads.hpp"
#include "http/upgrade.hpp"

#include <gtest/gtest.h>

#include <array>
#include <string>
#include <vector>

namespace carillon::http::test {
namespace {

using enum deflate_agreement;

struct offer_case {
    std::string_view name;
    std::string_view value;
    deflate_agreement chosen = none;
    bool well_formed = true;
};

constexpr offer_case offers[] = {
    {"the plain offer", "permessage-deflate", wide},
    {"that of Chrome", "permessage-deflate; client_max_window_bits", wide},
    {"all parameters",
     "permessage-deflate; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=12; "
     "client_max_window_bits=10",
     narrow},
    {"no blanks", "permessage-deflate;client_max_window_bits;server_no_context_takeover", wide},
    {"blanks everywhere", " \tpermessage-deflate ; server_max_window_bits = 15\t,  ", wide_asked},
    {"a window of 32 KiB", "permessage-deflate; server_max_window_bits=15", wide_asked},
    {"a window of 16 KiB", "permessage-deflate; server_max_window_bits=14", narrow},
    {"a window of 512 bytes", "permessage-deflate; server_max_window_bits=9", narrow},
    {"a window of 256 bytes, which there is not", "permessage-deflate; server_max_window_bits=8"},
    {"a window of the client's, smallest", "permessage-deflate; client_max_window_bits=8", wide},
    {"a window of the client's, largest", "permessage-deflate; client_max_window_bits=15", wide},
    {"a value in quotes", "permessage-deflate; server_max_window_bits=\"10\"", narrow},
    {"a value in quotes with a backslash", "permessage-deflate; server_max_window_bits=\"1\\5\"", wide_asked},

    {"nothing", ""},
    {"blanks", "  \t"},
    {"empty elements", ",, ,"},
    {"empty elements around it", ", ,permessage-deflate,,", wide},
    {"another extension", "x-webkit-deflate-frame; no_context_takeover"},
    {"another extension before it", "foo; bar=\"baz\"; q, permessage-deflate", wide},
    {"a name in other letters", "PERMESSAGE-DEFLATE"},
    {"a longer name", "permessage-deflate2"},

    {"a parameter that is not known", "permessage-deflate; level=9"},
    {"a parameter of other letters", "permessage-deflate; Server_No_Context_Takeover"},
    {"a value that is not allowed", "permessage-deflate; server_no_context_takeover=1"},
    {"another value that is not allowed", "permessage-deflate; client_no_context_takeover=true"},
    {"a window without its size", "permessage-deflate; server_max_window_bits"},
    {"a window too small", "permessage-deflate; server_max_window_bits=7"},
    {"a window too large", "permessage-deflate; server_max_window_bits=16"},
    {"a size with a zero in front", "permessage-deflate; server_max_window_bits=09"},
    {"a size that goes on", "permessage-deflate; server_max_window_bits=150"},
    {"a size that is no number", "permessage-deflate; server_max_window_bits=1x"},
    {"a size with a sign", "permessage-deflate; server_max_window_bits=+9"},
    {"the client's window too small", "permessage-deflate; client_max_window_bits=7"},
    {"the client's window too large", "permessage-deflate; client_max_window_bits=16"},
    {"the same parameter twice", "permessage-deflate; client_max_window_bits; client_max_window_bits"},
    {"the same parameter with two sizes", "permessage-deflate; server_max_window_bits=15; server_max_window_bits=10"},
    {"a takeover twice", "permessage-deflate; server_no_context_takeover; server_no_context_takeover"},

    {"the second offer, where the first cannot be",
     "permessage-deflate; server_max_window_bits=8, permessage-deflate; server_max_window_bits=10", narrow},
    {"the first of two that can be", "permessage-deflate; server_max_window_bits=10, permessage-deflate", narrow},
    {"a fallback", "permessage-deflate; unknown, permessage-deflate", wide},

    {"a parameter without a name", "permessage-deflate;", none, false},
    {"an empty parameter between others", "permessage-deflate; ; client_max_window_bits", none, false},
    {"a value without a name", "permessage-deflate; =9", none, false},
    {"no value behind the sign", "permessage-deflate; server_max_window_bits=", none, false},
    {"no value, and another parameter", "permessage-deflate; server_max_window_bits=; x", none, false},
    {"quotes that do not end", "permessage-deflate; server_max_window_bits=\"10", none, false},
    {"quotes that end in a backslash", "permessage-deflate; server_max_window_bits=\"10\\", none, false},
    {"empty quotes", "permessage-deflate; server_max_window_bits=\"\"", none, false},
    {"quotes around what is no token", "foo; a=\"b c\", permessage-deflate", none, false},
    {"two words", "permessage-deflate client_max_window_bits", none, false},
    {"a semicolon at the front", "; permessage-deflate", none, false},
    {"a sign in place of the extension", "=, permessage-deflate", none, false},
    {"letters that belong to no token", "permessage-deflate; client_max_window_bits=1\xc3\xa4", none, false},
};

TEST(choose_deflate, takes_the_first_offer_that_can_be_kept) {
    for (const offer_case& each : offers) {
        deflate_agreement chosen = none;
        EXPECT_EQ(choose_deflate(each.value, chosen), each.well_formed) << each.name;
        EXPECT_EQ(each.well_formed ? chosen : none, each.chosen) << each.name;
    }
}

TEST(choose_deflate, reads_nothing_behind_the_value) {
    for (const offer_case& each : offers) {
        for (std::size_t size = 0; size <= each.value.size(); ++size) {
            const std::vector<char> exactly{each.value.begin(), each.value.begin() + static_cast<std::ptrdiff_t>(size)};
            deflate_agreement chosen = none;
            (void)choose_deflate(std::string_view{exactly.data(), exactly.size()}, chosen);
        }
    }
}

std::string head_with(std::string_view lines) {
    return "GET /ws HTTP/1.1\r\nHost: a.example\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
           "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n" +
           std::string{lines} + "\r\n";
}

struct head_case {
    std::string_view name;
    std::string_view lines;
    bool on;
    std::string_view answer; ///< the value of the extensions; "400": refused
};

constexpr std::string_view without_contexts =
    "permessage-deflate; server_no_context_takeover; client_no_context_takeover";
constexpr head_case heads[] = {
    {"no offer", "", true, ""},
    {"an offer", "Sec-WebSocket-Extensions: permessage-deflate\r\n", true, without_contexts},
    {"an offer where it is off", "Sec-WebSocket-Extensions: permessage-deflate\r\n", false, ""},
    {"nonsense where it is off", "Sec-WebSocket-Extensions: ;;=\r\n", false, ""},
    {"nonsense", "Sec-WebSocket-Extensions: ;;=\r\n", true, "400"},
    {"two lines, of which the second is good",
     "Sec-WebSocket-Extensions: foo\r\nsec-websocket-extensions: permessage-deflate\r\n", true, without_contexts},
    {"two lines, of which the second is nonsense",
     "Sec-WebSocket-Extensions: permessage-deflate\r\nSec-WebSocket-Extensions: =\r\n", true, "400"},
    {"two lines, of which the first is taken",
     "Sec-WebSocket-Extensions: permessage-deflate\r\n"
     "Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=10\r\n",
     true, without_contexts},
};

// What the reply says, or "400".
std::string answer_to(std::string_view bytes, const upgrade_rules& rules) {
    request_head head;
    std::size_t scanned = 0;
    EXPECT_EQ(parse_head(bytes, scanned, head).outcome, parse_outcome::complete);
    const upgrade_verdict verdict = decide_upgrade(head, rules);
    if (verdict.code != status::switching_protocols) return std::to_string(static_cast<unsigned>(verdict.code));
    std::array<char, reply_bytes_max> out;
    const std::string reply{out.data(), write_switching_protocols(out, verdict)};
    EXPECT_TRUE(reply.ends_with("\r\n\r\n"));
    constexpr std::string_view name = "\r\nSec-WebSocket-Extensions: ";
    const std::size_t at = reply.find(name);
    if (at == reply.npos) return {};
    return reply.substr(at + name.size(), reply.find("\r\n", at + 2) - at - name.size());
}

TEST(choose_deflate, is_part_of_the_handshake_where_it_is_on) {
    for (const head_case& each : heads) {
        EXPECT_EQ(answer_to(head_with(each.lines), {"/ws", {}, {}, each.on}), each.answer) << each.name;
    }
    constexpr std::string_view line = "Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=";
    const upgrade_rules on{"/ws", {}, {}, true};
    EXPECT_EQ(answer_to(head_with(std::string{line} + "15\r\n"), on),
              std::string{without_contexts} + "; server_max_window_bits=15");
    EXPECT_EQ(answer_to(head_with(std::string{line} + "11\r\n"), on),
              std::string{without_contexts} + "; server_max_window_bits=9");
}

TEST(choose_deflate, agrees_with_real_clients) {
    const std::vector<std::string> origins{"*"};
    for (const client_head& client : client_heads) {
        if (!client.upgrade) continue;
        const bool offers_it = client.bytes.find("permessage-deflate") != client.bytes.npos;
        EXPECT_EQ(answer_to(client.bytes, {"/connection/websocket", {}, origins, true}),
                  offers_it ? without_contexts : std::string_view{})
            << client.name;
    }
}

TEST(write_switching_protocols, has_room_for_the_longest_reply) {
    const std::string subprotocol(subprotocol_bytes_max, 'p');
    std::array<char, reply_bytes_max> out;
    EXPECT_GT(write_switching_protocols(out, {.code = status::switching_protocols,
                                              .key = "dGhlIHNhbXBsZSBub25jZQ==",
                                              .subprotocol = subprotocol,
                                              .deflate = wide_asked}),
              0u);
}

} // namespace
} // namespace carillon::http::test
