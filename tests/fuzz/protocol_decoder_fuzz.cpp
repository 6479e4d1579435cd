// Any bytes are a message of commands or are refused; whatever is published on is valid JSON, whatever was decoded.
#include "base/check.hpp"
#include "protocol/json_decoder.hpp"
#include "protocol/payload.hpp"

#include <cstddef>
#include <cstdint>
#include <string>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace carillon::protocol;
    constexpr std::size_t message_bytes_max = 65536;
    static json_decoder decoder{message_bytes_max};
    if (size > message_bytes_max) return 0;
    const std::string padded = std::string{reinterpret_cast<const char*>(data), size} + std::string(64, ' ');
    std::string_view message = std::string_view{padded}.substr(0, size);
    (void)classify(message);
    while (const auto line = next_line(message)) {
        const auto command = decoder.decode(*line);
        if (!command) break;
        const auto* publish = std::get_if<publish_request>(&command->what);
        if (publish != nullptr && !command->too_deep && !publish->data.empty()) CHECK(is_json(publish->data));
    }
    return 0;
}
