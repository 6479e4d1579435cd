// Any bytes are a message of commands in protobuf or are refused; what is read lies in them, and its texts are text. So
// is what comes to /emulation, in both encodings.

#include "base/check.hpp"
#include "protobuf/decoder.hpp"
#include "protobuf/emulation.hpp"
#include "protocol/emulation.hpp"
#include "protocol/payload.hpp"

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <variant>
#include <vector>

namespace {

using namespace carillon;
using protocol::is_utf8;

void check_text(std::string_view text, std::string_view whole) {
    CHECK(text.empty() || (text.data() >= whole.data() && text.data() + text.size() <= whole.data() + whole.size()));
    CHECK(is_utf8(text));
}

void check_subscription(const protocol::subscribe_request& what, std::string_view whole) {
    check_text(what.channel, whole);
    check_text(what.token, whole);
    check_text(what.delta, whole);
    check_text(what.since.epoch, whole);
}

void check_command(const protocol::command& read, std::string_view whole) {
    if (const auto* it = std::get_if<protocol::subscribe_request>(&read.what)) check_subscription(*it, whole);
    if (const auto* it = std::get_if<protocol::connect_request>(&read.what)) {
        check_text(it->token, whole);
        check_text(it->name, whole);
        for (const auto& each : it->subscriptions) check_subscription(each, whole);
    }
    if (const auto* it = std::get_if<protocol::publish_request>(&read.what)) check_text(it->channel, whole);
    if (const auto* it = std::get_if<protocol::rpc_request>(&read.what)) check_text(it->method, whole);
    if (const auto* it = std::get_if<protocol::history_request>(&read.what)) {
        check_text(it->channel, whole);
        if (it->since) check_text(it->since->epoch, whole);
    }
}

void check_emulation(bool read, const protocol::emulation_request& what, std::string_view body) {
    if (read) CHECK(!what.session.empty() && !what.data.empty() && what.data.size() <= body.size());
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size > 65536) return 0;
    const std::vector<char> exactly{data, data + size};
    const std::string_view whole{exactly.data(), exactly.size()};
    static protobuf::decoder decoder;
    std::string_view message = whole;
    while (const auto one = protobuf::next_delimited(message)) {
        const auto command = decoder.decode(*one);
        if (!command) break;
        check_command(*command, *one);
    }
    protocol::emulation_request binary, json;
    const bool is_binary = protobuf::read_emulation(whole, binary), is_json = protocol::read_emulation(whole, json);
    check_emulation(is_binary, binary, whole);
    check_emulation(is_json, json, whole);
    return 0;
}
