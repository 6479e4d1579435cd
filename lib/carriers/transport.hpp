#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <string_view>
#include <utility>

namespace carillon::carriers {

/// The ways in (protocol §0, §7).
enum class transport : std::uint8_t {
    websocket,
    sse,
    http_stream,
    uni_websocket,
    uni_sse,
    uni_http_stream,
    emulation, ///< what clients of sse and http_stream say; there where one of these is
};

/// Some of them.
class transport_set {
public:
    constexpr transport_set() = default;
    constexpr transport_set(std::initializer_list<transport> all) noexcept {
        for (const transport each : all) add(each);
    }
    constexpr void add(transport what) noexcept { bits_ |= 1u << static_cast<unsigned>(what); }
    constexpr bool has(transport what) const noexcept {
        if (what == transport::emulation) return has(transport::sse) || has(transport::http_stream);
        return (bits_ >> static_cast<unsigned>(what) & 1u) != 0;
    }

private:
    unsigned bits_ = 0;
};

inline constexpr std::array<std::pair<std::string_view, transport>, 6> transport_paths{{
    {"/connection/sse", transport::sse},
    {"/connection/http_stream", transport::http_stream},
    {"/connection/uni_websocket", transport::uni_websocket},
    {"/connection/uni_sse", transport::uni_sse},
    {"/connection/uni_http_stream", transport::uni_http_stream},
    {"/emulation", transport::emulation},
}};

} // namespace carillon::carriers
