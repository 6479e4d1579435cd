#pragma once

#include "bus/mailbox.hpp"
#include "shards/clerk.hpp"
#include "shards/shard.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <cstddef>
#include <list>
#include <memory>
#include <vector>

namespace carillon::orders {

/// Carries parcels to the shards' clerks, and tells whoever waits for them. What many requests bring in one turn of the
/// control plane goes over at its end: each shard is woken once, and so is the control plane for what comes back.
/// Thread: the control plane's.
class courier {
public:
    /// Of each shard what it is to publish; null: nothing.
    using parcels = std::vector<std::shared_ptr<shards::parcel>>;

    /// `shards` may be filled later, before the first parcel. Nobody is waited for longer than `patience`.
    courier(boost::asio::io_context& control, const std::vector<std::unique_ptr<shards::shard>>& shards,
            std::chrono::milliseconds patience);
    courier(const courier&) = delete;
    courier& operator=(const courier&) = delete;

    /// Waits until all have been delivered, or for too long; says which have been. What comes later is for nobody.
    boost::asio::awaitable<std::vector<bool>> deliver(parcels what);

    /// The shards have ended: nobody waits any more.
    void stop();

private:
    struct delivery;
    struct arrival {
        std::shared_ptr<delivery> of;
        std::size_t shard;
    };
    using clock = std::chrono::steady_clock;

    void send(std::size_t shard, std::shared_ptr<shards::parcel> what);
    void send_all();
    void arrive(const arrival& what);
    void finish(delivery& what);
    void watch();
    void look();

    boost::asio::io_context* context_;
    const std::vector<std::unique_ptr<shards::shard>>* shards_;
    std::chrono::milliseconds patience_;
    std::vector<std::vector<std::shared_ptr<shards::parcel>>> leaving_; // of each shard, at the end of this turn
    bool departs_ = false;                                              // that end has been ordered
    bus::mailbox<arrival> arrivals_;
    std::list<std::shared_ptr<delivery>> waiting_; // all have the same time: the next one first
    boost::asio::steady_timer timer_;              // for the first of them, or for one that has been there
    bool watches_ = false;
    bool stopped_ = false;
};

} // namespace carillon::orders
