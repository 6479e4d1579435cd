#pragma once

#include "bus/broker.hpp"
#include "bus/mailbox.hpp"
#include "hub/hub.hpp"
#include "metrics/shard_counters.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/unordered/unordered_flat_map.hpp>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace carillon::shards {

/// What a publisher may say of a publication beside its payload; as in bus::publication.
struct wishes {
    std::string tags{};
    bool skip_history = false;
    std::string idempotency_key{};
    std::uint64_t version = 0;
    std::string version_epoch{};
};

/// A publication that is to be made, and how it fared.
struct order {
    std::string channel;
    std::shared_ptr<const std::string> payload; ///< that of a broadcast is shared
    bool is_json = false;
    std::shared_ptr<const wishes> wished{}; ///< null: none
    bus::publish_result done{bus::published{}};
};

/// Orders for one shard, carried out in this order. Whoever made it does not touch it until it is delivered.
struct parcel {
    std::vector<order> orders;
    std::function<void()> delivered; ///< called on the shard's thread when every order has its answer
    std::size_t missing = 0;         ///< answers; the clerk's
};

/// Publishes on its shard what the server API, on another thread, is told to. While the bus has as many publications of
/// this shard on their way as it takes, or subscribers are behind, it waits; so what waits is bounded by what requests
/// may hold. Thread: the shard's, but for `take`.
class clerk final : public bus::publish_listener {
public:
    clerk(boost::asio::io_context& context, bus::broker& bus, hub::hub& subscribers, metrics::shard_counters& counters);

    /// Any thread. Each has one order or more; they are moved from.
    void take(std::vector<std::shared_ptr<parcel>>& what);

    void on_published(bus::ticket whose, bus::publish_result receivers) override;

private:
    struct place {
        std::shared_ptr<parcel> in;
        std::size_t index;
    };

    void schedule();
    void work();
    bool publish_next();
    static bus::publication publication_of(const order& what);
    void settle(const place& where, bus::publish_result how);
    void hand_back();

    boost::asio::io_context* context_;
    bus::broker* bus_;
    hub::hub* hub_;
    metrics::shard_counters* counters_;
    bus::mailbox<std::shared_ptr<parcel>> mailbox_;
    std::deque<std::shared_ptr<parcel>> inbox_;
    std::size_t next_ = 0;                                    // order of the first parcel
    boost::unordered_flat_map<std::uint64_t, place> waiting_; // for the bus' answer
    std::vector<std::shared_ptr<parcel>> finished_;           // in this turn
    std::uint64_t last_ticket_ = 0;
    bool scheduled_ = false;
};

} // namespace carillon::shards
