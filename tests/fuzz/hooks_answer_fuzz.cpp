// Any bytes are an answer of the application, or a failure that the log can tell in one line. Whatever it consents to
// is of a kind that clients can be given. And whatever clients say, the application is asked in JSON. The first byte of
// the input chooses.

#include "base/check.hpp"
#include "hooks/answer.hpp"
#include "hooks/notice.hpp"
#include "hooks/question.hpp"
#include "protocol/codes.hpp"
#include "protocol/payload.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace {

using namespace carillon::hooks;
using carillon::auth::payload;
namespace protocol = carillon::protocol;

void check_payload(const std::optional<payload>& carried) {
    if (!carried || carried->any_bytes) return;
    CHECK(carried->bytes.find('\n') == std::string::npos);
    CHECK(carried->bytes.empty() || protocol::is_json(carried->bytes));
}

void check_consent(const consent& said) {
    check_payload(said.info);
    check_payload(said.data);
    CHECK(said.meta.empty() || protocol::is_json(said.meta));
    for (std::size_t i = 0; i < said.subscriptions.size(); ++i) {
        const auto& each = said.subscriptions[i];
        CHECK(!each.channel.empty() && (i == 0 || said.subscriptions[i - 1].channel < each.channel));
        check_payload(each.info);
        check_payload(each.data);
    }
}

void check_answer(std::string_view body) {
    static reader used;
    const answer said = used.read(body);
    reader fresh;
    CHECK(fresh.read(body).index() == said.index());
    if (const auto* it = std::get_if<consent>(&said)) check_consent(*it);
    if (const auto* it = std::get_if<refusal>(&said)) CHECK(it->code != 0);
    if (const auto* it = std::get_if<farewell>(&said)) CHECK(protocol::may_close_with(it->code, it->reason));
    if (const auto* it = std::get_if<failure>(&said)) {
        CHECK(!it->why.empty() && it->why.find('\n') == std::string::npos);
    } else {
        CHECK(protocol::is_json(body));
    }
}

void check_question(std::string_view text, event about) {
    const bool is_json = protocol::is_json(text);
    const std::string_view bytes = is_json ? std::string_view{} : text;
    if (protocol::is_utf8(text)) {
        const std::string_view json = is_json ? text : std::string_view{};
        CHECK(protocol::is_json(body_of({about, text, text, text, text, text, text, text, json, json, bytes})) ||
              is_json);
        CHECK(protocol::is_json(text_of({about, text, text, text, 1006, text}, std::chrono::milliseconds{1})));
    } else {
        CHECK(protocol::is_json(body_of({.about = about, .client = "c", .bytes = bytes})));
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0 || size > 65536) return 0;
    const std::vector<char> exactly{data + 1, data + size};
    const std::string_view text{exactly.data(), exactly.size()};
    if (data[0] % 2 == 0) check_answer(text);
    if (data[0] % 2 == 1) check_question(text, static_cast<event>(data[0] / 2 % events));
    return 0;
}
