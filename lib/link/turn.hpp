#pragma once

#include "base/paced_work.hpp"
#include "net/connection.hpp"
#include "net/netpoll.hpp"
#include "net/timer_wheel.hpp"

#include <boost/asio/io_context.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

namespace carillon::link {

class server;
struct record;

/// A shard's turn: what it does between two looks at what else has happened, and what it puts off until the end of it.
/// It begins with the events that one look at the epoll set has found, or with a post when something else has been
/// done. At its end, in this order: the replies that were put aside are sent, a portion of what has been published is
/// delivered, and if anything is left, another turn is posted, behind the shard's other events.
///
/// * Bytes put aside for a connection go before anything else that is sent to it, and before its end.
/// * A turn is over when its time is; who has more to do waits in line for the next, each connection at most once, and
///   is not read meanwhile. Publishers also wait while too much is on its way to subscribers.
///
/// Docs: decision 0012 and 0018. Thread: the shard's.
class turn final : public net::turn_keeper {
public:
    using clock = net::timer_wheel::clock;

    struct limits {
        std::chrono::milliseconds time_max{10};       ///< then what is left waits for the next turn
        std::size_t put_aside_bytes_max = 256 * 1024; ///< of all connections; then it is sent
        std::size_t portions_max = 1024;              ///< the same, in changes from one connection to another
    };

    struct counters {
        std::uint64_t cut_short = 0; ///< turns whose time was over
        std::uint64_t waits = 0;     ///< times that a connection had to wait for another turn
    };

    turn(boost::asio::io_context& context, net::slab& records, const limits& how,
         clock::time_point (*now)() = clock::now);
    turn(const turn&) = delete;
    turn& operator=(const turn&) = delete;

    /// What is delivered at the end of turns. It outlives the turns. Before anything happens.
    void deliver(paced_work& what) noexcept { deliveries_ = &what; }

    // net::turn_keeper
    void begin() override;
    /// The turn has taken its time: do no more than what is begun. Outside of a turn one begins, as with join().
    bool over() override;
    void end() override;
    /// Something has been done that takes as long as hundreds of other things: the next over() looks at the clock.
    void has_toiled() noexcept;

    /// What is done now is part of a turn: of the one that is under way or, outside of one, of one that a post ends.
    void join();

    /// Too much is on its way to subscribers for anything more to be published.
    bool congested() const noexcept { return deliveries_ != nullptr && deliveries_->congested(); }
    /// The connection goes on in a later turn: server::on_turn() is called when there is time, and room if it is
    /// `for_room`. The caller pauses it.
    void wait(server& whose, record& r, bool for_room);
    std::size_t waiting() const noexcept { return in_time_.size() + for_room_.size(); }

    /// Puts a copy of the bytes aside and sends it when the turn ends, or earlier: see server::send_later.
    void put_aside(server& whose, record& r, std::string_view bytes);
    void send_put_aside();

    const counters& counts() const noexcept { return counts_; }

private:
    // Of the bytes that are put aside, those of one connection: they follow those of the portion before.
    struct portion {
        server* by;
        record* whose; // alive: a connection that ends sends them first
        std::size_t bytes;
    };
    struct place_in_line {
        server* by;
        net::connection_key whose;
    };

    void serve(std::deque<place_in_line>& line, bool needs_room);
    void renew();
    void post();

    boost::asio::io_context* context_;
    net::slab* records_;
    limits limits_;
    clock::time_point (*now_)();
    paced_work* deliveries_ = nullptr;
    std::string put_aside_;
    std::vector<portion> portions_;
    std::deque<place_in_line> in_time_;  // wait for time only
    std::deque<place_in_line> for_room_; // and for room
    clock::time_point until_{};
    unsigned asked_ = 0;     // how often whether the time is over
    bool over_ = false;      // it was, when last looked at
    bool under_way_ = false; // between begin() and end()
    bool posted_ = false;    // so something has joined, or is left
    counters counts_;
};

} // namespace carillon::link
