#pragma once

#include "config/settings.hpp"
#include "lifecycle/memory_limit.hpp"
#include "metrics/process_facts.hpp"
#include "net/pulse.hpp"
#include "peer/admission.hpp"
#include "peer/network.hpp"
#include "session/options.hpp"

#include <boost/asio/io_context.hpp>

#include <chrono>
#include <functional>
#include <string>

namespace carillon::lifecycle {

/// Who may come in, as the settings have it: one for all shards. Thread: the control plane's; what it gives to the
/// shards is for any.
class doorkeeper {
public:
    using look = std::function<memory_use()>;
    doorkeeper(
        boost::asio::io_context& context, const config::settings& how,
        look at_memory = [] { return memory_of_cgroups(); });

    /// For the clients of each shard; this outlives them.
    session::door_options door() noexcept;

    /// From now on it looks at the memory, if that is limited, until stop().
    void watch();
    void stop() { looks_.stop(); }

    /// Why nobody is let in, in words; empty: somebody is.
    std::string closed() const;
    void count(metrics::process_facts& into) const;

private:
    std::chrono::milliseconds look_at_memory();

    net::pulse looks_;
    look at_memory_;
    unsigned percent_max_; // 0: the memory is not looked at
    memory_use memory_;
    peer::trusted proxies_;
    std::vector<peer::forwarding> forwardings_;
    bool proxy_header_;
    bool limits_anything_;
    peer::admission admission_;
};

} // namespace carillon::lifecycle
