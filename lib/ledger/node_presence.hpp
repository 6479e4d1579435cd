#pragma once

#include "base/name_hash.hpp"
#include "ledger/attendance.hpp"
#include "presence/registry.hpp"

#include <boost/unordered/unordered_flat_map.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

namespace carillon::ledger {

/// Who of this process' clients is in which channel, and that a Redis knows it: says so when somebody comes or goes,
/// and again before the server would forget. That is spread over time, and many of one channel are one call. Whoever is
/// not heard of, since a gateway has died, is forgotten there. Pure; time is given. Not thread-safe.
class node_presence {
public:
    using clock = std::chrono::steady_clock;

    struct limits {
        std::chrono::milliseconds ttl{60'000};
        std::size_t clients_per_call = 64;
        std::size_t calls_max = 256;                ///< that the server has not answered
        std::chrono::milliseconds comeback{10'000}; ///< after a reconnect, in which all are told again
        std::size_t waiting_max = 65'536;           ///< who has gone; of more, the server hears only by its ttl
    };

    node_presence(const limits& how, names in, call_taker& taker)
        : limits_{how}, names_{std::move(in)}, taker_{&taker} {}

    void enter(const std::string& channel, const presence::client_id& who, presence::registry::member what,
               const attending_rules& how, clock::time_point now);
    void leave(const std::string& channel, const presence::client_id& who, const attending_rules& how,
               clock::time_point now);

    /// It is there by way of another process from now on, which says so: nothing is said of it here any more.
    void forget(const std::string& channel, const presence::client_id& who);

    /// The server has answered a call; false: it is none of ours.
    bool on_answer(std::uint64_t number);
    const call* call_of(std::uint64_t number) const;
    void on_away();
    /// The server is back, and may have forgotten everything.
    void on_back(clock::time_point now);
    /// Sends what is due.
    void pump(clock::time_point now);
    clock::time_point wake_at() const noexcept;

    std::size_t entries() const noexcept { return entries_; } ///< pairs of client and channel
    std::uint64_t calls() const noexcept { return calls_; }

private:
    struct entry {
        presence::registry::member what;
        std::uint64_t serial = 0; // which turn is its
    };
    struct crowd {
        attending_rules how;
        boost::unordered_flat_map<std::string, entry, hash_of_name, std::equal_to<>> members; // by their IDs' bytes
    };
    struct turn {
        clock::time_point at;
        std::string channel;
        presence::client_id who{};
        std::uint64_t serial = 0;
        bool leaves = false;
        attending_rules how{}; // of who leaves
        bool late = false;     // it was put off
    };

    bool send(call what);
    bool say_some(std::deque<turn>& from, clock::time_point now);
    entry* find(const turn& of);
    bool is_stale(const turn& each);
    void put_off(std::deque<turn>& from, clock::time_point now);
    void make_room();

    limits limits_;
    names names_;
    call_taker* taker_;
    boost::unordered_flat_map<std::string, crowd, hash_of_name, std::equal_to<>> channels_;
    std::deque<turn> fresh_;   // who has come or gone and has not been told of
    std::deque<turn> due_;     // who is there, by the time of being told of again
    std::deque<turn> put_off_; // whose server is away, by the time of being tried again
    boost::unordered_flat_map<std::uint64_t, call> out_;
    std::uint64_t serial_ = 0;
    std::uint64_t calls_ = 0;
    std::size_t entries_ = 0;
    std::size_t room_ = 65'536; // turns in fresh_ at which those that mean nothing any more are cleared away
};

} // namespace carillon::ledger
