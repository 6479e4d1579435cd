// Any bytes after the first line break are a filter as a client sends it, those before it the tags of a publication. A
// filter that is made says the same when it is made again, and its contrary holds where it does not. Numbers are
// compared as numbers.

#include "base/check.hpp"
#include "filters/filter.hpp"
#include "protocol/json_decoder.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace {

using namespace carillon;

constexpr std::size_t message_bytes_max = 16 * 1024;

void check_numbers(std::string_view a, std::string_view b) {
    const auto order = filters::compare_numbers(a, b), contrary = filters::compare_numbers(b, a);
    CHECK(order.has_value() == contrary.has_value());
    if (!order) return;
    CHECK((*order < 0) == (*contrary > 0) && (*order > 0) == (*contrary < 0));
    CHECK(filters::compare_numbers(a, a) == 0 && filters::compare_numbers(b, b) == 0);
}

void check_filter(const protocol::filter_node& said, const filters::tags& of) {
    const auto made = filters::filter::make(said);
    if (!made) return CHECK(!made.error().message().empty());
    CHECK((*made)->text().size() <= filters::bytes_max);
    const auto again = filters::filter::make(said);
    CHECK(again && (*again)->text() == (*made)->text());
    CHECK((*again)->holds(of) == (*made)->holds(of));
    protocol::filter_node inverse;
    inverse.op = "not";
    inverse.nodes.push_back(said);
    inverse.items = said.items + 1;
    const auto contrary = filters::filter::make(inverse);
    CHECK(!contrary || (*contrary)->holds(of) != (*made)->holds(of));
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size > message_bytes_max / 2) return 0;
    static protocol::json_decoder decoder{message_bytes_max};
    const std::string_view input{reinterpret_cast<const char*>(data), size};
    const std::size_t end = std::min(input.find('\n'), input.size());
    const std::string_view tags = input.substr(0, end);
    const std::string_view wanted = input.substr(std::min(end + 1, input.size()));
    check_numbers(tags, wanted);

    const filters::tags of{tags};
    const std::string line = R"({"id":1,"subscribe":{"channel":"c","tf":)" + std::string{wanted} + "}}";
    const std::string padded = line + std::string(64, ' ');
    const auto command = decoder.decode(std::string_view{padded}.substr(0, line.size()));
    if (!command || command->too_deep) return 0;
    const auto* subscribe = std::get_if<protocol::subscribe_request>(&command->what);
    if (subscribe != nullptr && subscribe->filter != nullptr) check_filter(*subscribe->filter, of);
    return 0;
}
