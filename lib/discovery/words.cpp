#include "discovery/words.hpp"

#include <algorithm>
#include <cstddef>

namespace carillon::discovery {

std::string for_the_log(std::string_view why) {
    constexpr std::size_t bytes_max = 200;
    std::string line{why.substr(0, bytes_max)};
    std::ranges::replace_if(
        line, [](unsigned char c) { return c < ' ' || c >= 0x7f; }, '?');
    return line;
}

std::string without_arguments(std::string_view text, std::string_view password) {
    std::string told{text.substr(0, text.find(", with args"))};
    if (password.empty()) return told;
    constexpr std::string_view hidden = "***";
    for (std::size_t at = 0; (at = told.find(password, at)) != std::string::npos; at += hidden.size())
        told.replace(at, password.size(), hidden);
    return told;
}

} // namespace carillon::discovery
