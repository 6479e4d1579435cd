#pragma once

#include "base/result.hpp"
#include "http/url.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace carillon::outward {

/// One field of a request's head. The name is a token and the value holds no control bytes (http::is_field_name and
/// http::is_field_value): what is not is left out when the request is made.
struct field {
    std::string name;
    std::string value;
};

enum class method : std::uint8_t { get, post };

/// What a target is asked for. Host, Content-Length, User-Agent and Accept are the room's own.
struct request {
    method how = method::post;
    std::vector<field> fields{};
    std::string body{};
};

/// An answer that has come whole, whatever its status says.
struct response {
    unsigned status = 0;
    std::string body{};
    std::string cache_control{}; ///< of its head
};

using answer = result<response>;

/// Called exactly once for each request: on the client's thread, or, when the request is not even taken (error::busy),
/// on the caller's before `send` returns.
using completion = std::function<void(answer)>;

/// Somebody who is asked, and how much it may cost.
struct target_options {
    std::string name{}; ///< in metrics; no two have the same
    http::url where{};
    std::string ca_file{};                   ///< PEM: whose certificates are good; empty: the system's
    std::chrono::milliseconds timeout{1000}; ///< for the whole of a request, from `send` to the last byte
    std::size_t connections_max = 16;        ///< at once; idle ones are kept for `idle_max`
    std::size_t queue_max = 1024;            ///< requests that wait for one of these
    std::size_t response_bytes_max = 64 * 1024;
    std::chrono::milliseconds idle_max{30'000};
    std::size_t failures_max = 5; ///< in a row; then it is left alone for `open_for`
    std::chrono::milliseconds open_for{1'000};
};

} // namespace carillon::outward
