// Any bytes are a message of another process or are refused. What is understood is written as it was.

#include "base/check.hpp"
#include "takeover/reader.hpp"

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <variant>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace carillon::takeover;
    if (size > message_bytes_max) return 0;
    const std::vector<char> exactly{data, data + size};
    const std::string_view bytes{exactly.data(), exactly.size()};
    const auto said = read(bytes);
    if (said && !std::holds_alternative<greeting>(*said)) CHECK(write(*said) == bytes);
    return 0;
}
