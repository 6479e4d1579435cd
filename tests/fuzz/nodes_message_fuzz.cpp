// Any bytes are a message of another gateway or are ignored. What is understood, said again, is understood the same
// way.

#include "api/decoder.hpp"
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

using namespace carillon::nodes;

template <class Message>
void check_said_again(const Message& what, carillon::api::decoder& with) {
    const std::string text = text_of(what);
    CHECK(carillon::protocol::is_json(text));
    const message heard = read_message(text, with);
    const auto* same = std::get_if<Message>(&heard);
    CHECK(same != nullptr && text_of(*same) == text);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static carillon::api::decoder decoder{{}};
    if (size > 65536) return 0;
    const std::vector<char> exactly{data, data + size};
    const message heard = read_message({exactly.data(), exactly.size()}, decoder);
    if (const auto* it = std::get_if<order>(&heard)) check_said_again(*it, decoder);
    if (const auto* it = std::get_if<answer>(&heard)) check_said_again(*it, decoder);
    if (const auto* it = std::get_if<saying>(&heard)) check_said_again(*it, decoder);
    if (const auto* it = std::get_if<unknown_order>(&heard)) CHECK(it->number != 0 && !it->from.empty());
    return 0;
}
