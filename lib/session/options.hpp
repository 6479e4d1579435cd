#pragma once

#include "carriers/transport.hpp"
#include "clients/options.hpp"
#include "http/request_head.hpp"
#include "peer/admission.hpp"
#include "peer/forwarded.hpp"
#include "peer/network.hpp"
#include "session/refusal.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace carillon::tls {
class entrance;
} // namespace carillon::tls

namespace carillon::session {

/// Whose connections these are, and who may come in. All outlive the server.
struct door_options {
    bool proxy_header = false;                   ///< as in link::server::options
    const peer::trusted* proxies = nullptr;      ///< the same
    peer::admission* admission = nullptr;        ///< the same
    std::vector<peer::forwarding> forwardings{}; ///< fields that these proxies write; the first that is there counts

    bool knows_proxies() const noexcept { return proxy_header || (proxies != nullptr && !proxies->empty()); }
};

/// How clients come, and what they may do and cost. See docs/configuration.md for what each means to a user.
struct options : clients::options {
    std::string path = "/connection/websocket";
    carriers::transport_set transports{carriers::transport::websocket};
    /// Takes what a client says by a request of its own to the shard that has it, on any thread: server::on_emulated.
    /// False: too much waits.
    std::function<bool(std::uint32_t shard, std::string session, std::string data)> emulate{};
    /// Takes what such a client says whose stream is at the gateway that is called `node`, on any thread.
    enum class passing : std::uint8_t { taken, too_many, too_large, nobody };
    std::function<passing(std::string node, std::string session, std::string data)> emulate_elsewhere{};
    /// Paths whose plain requests are handed over, "/path/*" for all under one; all others get a 404.
    std::vector<std::string> pages;
    http::head_limits head{}; ///< of a request
    std::vector<std::string> allowed_origins;
    std::uint32_t connections_max = 0xffffffff;
    std::size_t farewells_max = 16; ///< refused connections that wait for their end
    std::size_t message_bytes_max = 64 * 1024;
    std::size_t commands_per_message_max = 1024;
    std::chrono::milliseconds handshake_timeout{10'000};
    std::chrono::milliseconds connect_timeout{10'000};
    std::chrono::milliseconds pong_timeout{8'000};
    std::chrono::milliseconds close_timeout{5'000};
    tls::entrance* entrance = nullptr;         ///< for clients that speak TLS; outlives the server
    std::uint32_t handshakes_max = 0xffffffff; ///< of TLS, at once
    refusal_listener on_refusal{};             ///< none: nobody is told
    door_options door{};
};

} // namespace carillon::session
