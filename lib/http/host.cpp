#include "http/host.hpp"

#include "http/ascii.hpp"

#include <algorithm>
#include <array>
#include <cstddef>

namespace carillon::http {
namespace {

/// unreserved, pct-encoded and sub-delims of RFC 3986 §3.2.2: what a name may be made of.
constexpr std::array<bool, 256> host_bytes = [] {
    std::array<bool, 256> allowed{};
    for (const char byte :
         std::string_view{"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~%!$&'()*+,;="})
        allowed[static_cast<unsigned char>(byte)] = true;
    return allowed;
}();

} // namespace

// By hand, for Boost.URL would have to be linked for this one line.
bool is_host(std::string_view host) noexcept {
    const auto in_name = [](char byte) { return host_bytes[static_cast<unsigned char>(byte)]; };
    const auto in_address = [&](char byte) { return in_name(byte) || byte == ':'; };
    std::string_view port;
    if (host.starts_with('[')) {
        const std::size_t bracket = host.find(']');
        if (bracket == host.npos || bracket == 1) return false;
        if (!std::ranges::all_of(host.substr(1, bracket - 1), in_address)) return false;
        port = host.substr(bracket + 1);
    } else {
        const auto name_end = std::ranges::find_if_not(host, in_name);
        if (name_end == host.begin()) return false;
        port = {name_end, host.end()};
    }
    if (port.empty()) return true;
    return port[0] == ':' && port.size() <= 6 && std::ranges::all_of(port.substr(1), is_digit);
}

} // namespace carillon::http
