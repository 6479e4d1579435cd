// Any bytes are a body of the server API, or are refused in one sentence. What is read keeps to the limits, is the same
// each time, and what of it gateways tell each other says so again. The first byte of the input chooses the method.

#include "api/decoder.hpp"
#include "api/rebalance.hpp"
#include "base/check.hpp"
#include "nodes/message.hpp"
#include "protocol/payload.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace {

using namespace carillon::api;
namespace nodes = carillon::nodes;

// Small, so that the fuzzer reaches them.
constexpr limits most{.body_bytes_max = 4096, .broadcast_channels_max = 3, .batch_commands_max = 4};

void check_sentence(const mistake& why) {
    CHECK(!why.sentence.empty() && why.sentence.back() == '.');
    CHECK(why.sentence.find('\n') == std::string::npos);
}

/// Bytes that are no JSON come in base64 only.
bool may_have_bytes(std::string_view body) { return body.find("b64") != body.npos || body.find("\\u") != body.npos; }

void check_publication(const publication& what, std::string_view body) {
    CHECK(what.given || what.data.empty());
    CHECK(what.data.empty() || may_have_bytes(body) || carillon::protocol::is_json(what.data));
}

bool is_sent(std::string_view json) { return json.empty() || carillon::protocol::is_json(json); }

void check_command(const command& what, std::string_view body) {
    if (const auto* publish = std::get_if<publish_request>(&what)) check_publication(publish->what, body);
    if (const auto* broadcast = std::get_if<broadcast_request>(&what)) {
        CHECK(broadcast->channels.size() <= most.broadcast_channels_max);
        check_publication(broadcast->what, body);
    }
    if (const auto* end = std::get_if<disconnect_request>(&what))
        CHECK(end->whitelist.size() <= most.broadcast_channels_max);
    // What other gateways are asked for is what was asked for here. Bytes that are no JSON are refused before.
    if (const auto* it = std::get_if<subscribe_request>(&what);
        it != nullptr && (!is_sent(it->info) || !is_sent(it->data)))
        return;
    static decoder theirs{{}};
    const std::string order = nodes::text_of(nodes::order{.from = "here", .number = 7, .what = what});
    if (order.empty()) return;
    const auto heard = nodes::read_message(order, theirs);
    const auto* same = std::get_if<nodes::order>(&heard);
    CHECK(same != nullptr && nodes::text_of(*same) == order);
}

void check_request(const request& made, std::string_view body) {
    if (const auto* one = std::get_if<command>(&made)) return check_command(*one, body);
    const auto& several = std::get<batch_request>(made).commands;
    CHECK(several.size() <= most.batch_commands_max);
    for (const command& each : several) check_command(each, body);
}

void check_method(std::string_view method, std::string_view body) {
    static decoder used{most};
    const auto made = used.decode(method, body);
    CHECK(used.decode(method, body).index() == made.index());
    if (const auto* why = std::get_if<mistake>(&made)) return check_sentence(*why);
    const auto& read = std::get<request>(made);
    CHECK((method == "batch") == std::holds_alternative<batch_request>(read));
    check_request(read, body);
}

void check_legacy(std::string_view body) {
    static decoder used{most};
    const auto made = used.decode_legacy(body);
    if (const auto* why = std::get_if<mistake>(&made)) return check_sentence(*why);
    const auto& read = std::get<std::vector<request>>(made);
    CHECK(!read.empty() && read.size() <= most.batch_commands_max);
    for (const request& each : read) check_request(each, body);
}

void check_rebalance(std::string_view body) {
    if (body.size() > rebalance_bytes_max) return;
    const auto made = read_rebalance(body);
    if (const auto* why = std::get_if<mistake>(&made)) return check_sentence(*why);
    const auto window = std::get<rebalance_request>(made).window;
    CHECK(window >= window.zero() && window <= rebalance_window_max);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const std::vector<std::string> methods = method_names();
    if (size == 0 || size > most.body_bytes_max) return 0;
    // In memory of exactly its size, so that the sanitizer sees a byte read too many.
    const std::vector<char> exactly{data + 1, data + size};
    const std::string_view body{exactly.data(), exactly.size()};
    const std::size_t chosen = data[0] % (methods.size() + 3);
    if (chosen < methods.size()) check_method(methods[chosen], body);
    if (chosen == methods.size()) check_method("batch", body);
    if (chosen == methods.size() + 1) check_legacy(body);
    if (chosen == methods.size() + 2) check_rebalance(body);
    return 0;
}
