#pragma once

#include "base/result.hpp"
#include "net/detached.hpp"
#include "net/progress.hpp"
#include "net/slab.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>

#include <array>
#include <cstdint>
#include <vector>

namespace carillon::net {

/// What an edge told. `hung_up`: the peer will send no more, or the socket has failed; reading shows which. `urgent`: a
/// read ends at the mark of urgent data, though more has come (tcp(7)).
struct readiness {
    bool readable = false;
    bool writable = false;
    bool hung_up = false;
    bool urgent = false;
};

/// Hears what happens to the connections it owns. Thread: the shard's.
class event_sink {
public:
    virtual void on_ready(connection& c, readiness what) = 0;
    /// Its deadline in the timer wheel has come; it is in the wheel no more.
    virtual void on_deadline(connection& c) = 0;

protected:
    ~event_sink() = default;
};

/// Hears of turns: the events that one look at the epoll set has found are one, as far as its time goes. Thread: the
/// shard's.
class turn_keeper {
public:
    virtual void begin() = 0;
    /// The turn has taken its time: events that have not been told wait for the next.
    virtual bool over() = 0;
    virtual void end() = 0;

protected:
    ~turn_keeper() = default;
};

/// The netpoll of the article (3.1): one epoll set of our own for all connections of a shard, itself watched by Asio,
/// so that an idle connection has no Asio object and no coroutine. Edge-triggered: whoever is woken reads until
/// EAGAIN or a short read; writable edges come to those who asked for them. Thread: its shard's.
class netpoll {
public:
    struct counters {
        std::uint64_t wakeups = 0; ///< times that Asio said that the set has something
        std::uint64_t events = 0;
    };

    /// Throws boost::system::system_error when there is no epoll descriptor to be had.
    netpoll(boost::asio::io_context& context, slab& records);
    netpoll(const netpoll&) = delete;
    netpoll& operator=(const netpoll&) = delete;

    /// Who hears of turns; none is needed. It outlives the netpoll. Before start().
    void tell_turns(turn_keeper& keeper) noexcept { turns_ = &keeper; }

    /// Says who hears the events of the records owned by `who`.
    void attach(owner who, event_sink& sink) noexcept { sinks_[static_cast<std::size_t>(who)] = &sink; }

    void start();
    void stop(); ///< the loop ends; connections stay registered until their descriptors close

    /// Registers the connection; an edge that is already there is told at the next turn. Error: what epoll_ctl said.
    result<void> watch(connection& c);
    /// Asks for writable edges, too, from now on; if there is room already, that makes one. Not asked for from the
    /// start, since the first would tell only what is known: that a fresh socket takes bytes. Nothing happens if the
    /// connection is not watched.
    void watch_writing(connection& c) noexcept;
    /// Takes the descriptor out of the set, for one that lives on elsewhere; nothing happens if it is not in it.
    void forget(connection& c);

    event_sink& sink_of(const connection& c) noexcept {
        event_sink* sink = sinks_[static_cast<std::size_t>(c.owned_by)];
        CHECK(sink != nullptr);
        return *sink;
    }

    const counters& counts() const noexcept { return counts_; }

    /// Where whoever works on the shard's thread says that it goes on; the netpoll does after each turn.
    progress& making() noexcept { return making_; }
    const progress& making() const noexcept { return making_; }

private:
    static constexpr std::size_t events_per_turn = 256;
    static constexpr int looks_max = 32; // about 8 microseconds

    struct found_event {
        connection_key whose;
        std::uint32_t events;
    };

    struct readable_awaiter;
    struct later_awaiter;

    detached run();
    void serve();
    std::size_t dispatch_ready();
    void tell_found();

    boost::asio::io_context* context_;
    slab* records_;
    boost::asio::posix::stream_descriptor set_;
    std::array<event_sink*, owners> sinks_{};
    gate coroutines_;
    counters counts_;
    progress making_;
    int looks_ = 1; // at an empty set, before Asio waits for it
    bool stopping_ = false;
    turn_keeper* turns_ = nullptr;
    // Events that one look has found, of which those from next_ on have not been told.
    std::vector<found_event> found_;
    std::size_t next_ = 0;
};

} // namespace carillon::net
