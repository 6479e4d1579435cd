// Any bytes are an envelope on a bus outside, a body that a stream there keeps, or a server's answer to a script; or
// are none. What is read lies in them, and what is put together is taken apart again as it was. The first byte of the
// input chooses.

#include "base/check.hpp"
#include "ledger/envelope.hpp"
#include "ledger/script.hpp"
#include "protocol/client_info.hpp"
#include "resp/reply.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace {

using namespace carillon;
using namespace carillon::ledger;

void check_lies_in(std::string_view part, std::string_view whole) {
    CHECK(part.empty() || (part.data() >= whole.data() && part.data() + part.size() <= whole.data() + whole.size()));
}

void check_draft(const streams::draft& what, std::string_view whole) {
    check_lies_in(what.payload, whole);
    check_lies_in(what.info, whole);
    check_lies_in(what.tags, whole);
    protocol::client_info who;
    (void)protocol::read_client_info(what.info, who);
    protocol::each_tag(what.tags, [](std::string_view, std::string_view) {});
}

void check_envelope(std::string_view bytes) {
    const auto found = open_envelope(bytes);
    CHECK(!found || is_envelope(bytes));
    if (found) check_draft(found->published, bytes);
    if (const auto body = open_body(bytes)) check_draft(body->published, bytes);
}

void check_round_trip(std::string_view bytes) {
    const std::string_view info = bytes.substr(0, bytes.size() / 3);
    const std::string_view tags = bytes.substr(info.size(), bytes.size() / 5);
    const std::string_view payload = bytes.substr(info.size() + tags.size());
    using kind = hub::publication::kind;
    for (const kind what : {kind::message, kind::join, kind::leave}) {
        const std::string body = body_of({payload, true, info, tags}, what);
        CHECK(body.size() <= bytes.size() + envelope_overhead_bytes);
        const std::string wire = envelope_of(body);
        const auto found = open_envelope(wire);
        CHECK(found && found->what == what && found->at == streams::position{});
        const streams::draft& read = found->published;
        CHECK(read.payload == payload && read.info == info && read.tags == tags && read.is_json);
    }
}

bus::home_question asked(std::uint8_t code) {
    bus::home_question made;
    made.about = static_cast<bus::home_question::kind>(code % 6);
    made.has_since = code / 6 % 2 != 0;
    made.reverse = code / 12 % 2 != 0;
    made.limit = -1;
    made.since = {code / 24u, streams::epoch{"e"}};
    return made;
}

void check_answers(std::string_view wire, std::uint8_t code) {
    constexpr streams::page_limits most{.publications_max = 4, .bytes_max = 1000};
    resp::reply_parser parser{{.nodes_max = 64, .depth_max = 4, .bytes_max = 8192, .text_bytes_max = 1000}};
    const auto step = parser.next(wire);
    if (step.what != resp::outcome::complete) return;
    (void)published_of(step.nodes);
    for (const bool newest_only : {false, true}) {
        keeping how;
        how.newest_only = newest_only;
        const auto said = answer_of(step.nodes, asked(code), how, most);
        if (!said || said->publications == nullptr) continue;
        CHECK(!said->publications->publications.empty());
        for (const auto& each : said->publications->publications) CHECK(each->size() <= wire.size());
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 2 || size > 8192) return 0;
    const std::vector<char> exactly{data + 2, data + size};
    const std::string_view rest{exactly.data(), exactly.size()};
    switch (data[0] % 3) {
    case 0: check_envelope(rest); break;
    case 1: check_round_trip(rest); break;
    default: check_answers(rest, data[1]); break;
    }
    return 0;
}
