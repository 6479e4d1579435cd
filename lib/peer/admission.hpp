#pragma once

#include "base/name_hash.hpp"
#include "peer/address.hpp"

#include <boost/unordered/unordered_flat_map.hpp>

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <mutex>

namespace carillon::peer {

/// What is said at the door.
enum class verdict : std::uint8_t {
    admitted,
    memory,                 ///< the process has too little left
    handshakes,             ///< too many in this second
    handshakes_of_address,  ///< the same, of this address
    connections_of_address, ///< it has as many as it may
};

/// What connections have in common that count as of one address: an IPv4 address, or the first 64 bits of an IPv6
/// one, which is what one customer has (RFC 6177).
address counted_as(const address& one) noexcept;

/// So many in each second, and as many at once after a quiet second, so that nobody waits for the turn of a second
/// (GCRA, with one number of state). Any thread.
class rate {
public:
    using clock = std::chrono::steady_clock;
    /// `per_second_max` 0: any number.
    explicit rate(std::uint32_t per_second_max) noexcept
        : between_{per_second_max == 0 ? 0
                                       : std::chrono::nanoseconds{std::chrono::seconds{1}}.count() / per_second_max} {}

    /// What is kept of it for one address. Zero: nothing yet.
    using due = std::int64_t; // nanoseconds of the clock, when it would be quiet again
    bool admit(due& kept, clock::time_point now) const noexcept;
    bool is_quiet(due kept, clock::time_point now) const noexcept;
    bool limits() const noexcept { return between_ > 0; }

private:
    std::int64_t between_;
};

/// Who may come in, decided before anything is made for it: one for the process, so that a limit means the same with
/// one shard and with many, whichever of them the kernel gives a connection to. Only who comes or goes takes its locks.
/// Any thread.
class admission {
public:
    struct limits {
        std::uint32_t handshakes_per_second_max = 0; ///< 0: any number, here as below
        std::uint32_t address_handshakes_per_second_max = 0;
        std::uint32_t address_connections_max = 0;
        std::size_t addresses_max = 65'536; ///< that are remembered; who comes from others is not counted
    };
    using clock = rate::clock;

    explicit admission(const limits& how);

    struct answer {
        verdict said = verdict::admitted;
        bool counted = false; ///< leave() must follow
    };
    [[nodiscard]] answer enter(const address& whose, clock::time_point now);
    /// One that was let in elsewhere is here from now on, whatever the limits. True: leave() must follow.
    [[nodiscard]] bool adopt(const address& whose, clock::time_point now);
    /// One that was counted has gone.
    void leave(const address& whose, clock::time_point now);

    /// Lets nobody in, or everybody again that the limits let in.
    void close(bool for_want_of_memory) noexcept { closed_.store(for_want_of_memory, std::memory_order_relaxed); }
    bool closed() const noexcept { return closed_.load(std::memory_order_relaxed); }

    bool counts_addresses() const noexcept { return limits_.address_connections_max > 0 || of_address_.limits(); }
    /// That are remembered now.
    std::uint64_t addresses() const noexcept { return addresses_.load(std::memory_order_relaxed); }
    /// Connections that were let in uncounted, because no more addresses could be remembered.
    std::uint64_t uncounted() const noexcept { return uncounted_.load(std::memory_order_relaxed); }

private:
    struct standing {
        rate::due due = 0;
        std::uint32_t connections = 0;
    };
    struct hash_of_address {
        using is_avalanching = void;
        std::size_t operator()(const address& one) const noexcept {
            return name_hash({reinterpret_cast<const char*>(one.bytes.data()), one.bytes.size()});
        }
    };
    struct part {
        std::mutex lock;
        boost::unordered_flat_map<address, standing, hash_of_address> known;
        clock::time_point swept{};
    };
    static constexpr std::size_t parts = 64;

    part& part_of(const address& key) noexcept { return parts_[hash_of_address{}(key) % parts]; }
    bool has_room(part& in, clock::time_point now);
    bool admit_any(clock::time_point now) noexcept;

    limits limits_;
    rate of_all_;
    rate of_address_;
    std::atomic<rate::due> due_{0};
    std::atomic<bool> closed_{false};
    std::atomic<std::uint64_t> addresses_{0};
    std::atomic<std::uint64_t> uncounted_{0};
    std::array<part, parts> parts_;
};

} // namespace carillon::peer
