#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace carillon::load {

/// What a server has answered to the request for a WebSocket (RFC 6455 §4.1).
struct upgrade_reply {
    enum class outcome {
        need_more, ///< call again with the same bytes and more
        upgraded,  ///< it is a WebSocket now; the bytes from `consumed` on are its frames
        refused,   ///< another status, or a 101 that is not right; `why` says it
    };
    outcome what = outcome::need_more;
    std::size_t consumed = 0;
    int status = 0; ///< 0 when what came is not HTTP
    std::string why;
};

/// A head that is longer than this is refused.
inline constexpr std::size_t reply_head_bytes_max = 8192;

/// Reads the head at the front of `bytes`. The status must be 101, Upgrade and Connection must agree to it,
/// Sec-WebSocket-Accept must be `accept`, and no extension may have been chosen. Pure.
upgrade_reply read_upgrade_reply(std::string_view bytes, std::string_view accept);

} // namespace carillon::load
