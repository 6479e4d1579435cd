#pragma once

#include "metrics/shard_counters.hpp"
#include "tls/stream.hpp"

#include <boost/asio/io_context.hpp>

#include <cstddef>
#include <memory>
#include <unordered_set>

namespace carillon::link {

/// Encrypted connections whose descriptor somebody on another thread is to have, who knows nothing of TLS: it gets one
/// end of a pair of sockets, and what is said there is said to the peer, encrypted, and back. There is a bound on them.
/// They end with who has the other end; the peer has some seconds then to end, too. Thread: the shard's.
class relays {
public:
    relays(boost::asio::io_context& context, metrics::shard_counters& counters, std::size_t relays_max);
    relays(const relays&) = delete;
    relays& operator=(const relays&) = delete;
    ~relays();

    /// The descriptor is this object's from now on. Returns the end for the other thread, or -1: there are as many as
    /// allowed, or no descriptors, and the connection has been closed.
    int take(int descriptor, std::unique_ptr<tls::stream> with);
    void end_all();

private:
    class relay;

    boost::asio::io_context& context_;
    metrics::shard_counters& counters_;
    std::size_t relays_max_;
    std::unordered_set<std::shared_ptr<relay>> open_;
};

} // namespace carillon::link
