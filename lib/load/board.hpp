#pragma once

#include "load/clock.hpp"
#include "load/latencies.hpp"

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

/// What the processes of a run share: memory, and messages of a fixed size.
namespace carillon::load {

/// What the parent tells a worker to do.
struct order {
    enum class kind : std::uint32_t {
        connect, ///< have `count` connections, opening those that are missing
        storm,   ///< at `start`, end all connections and open them again
        churn,   ///< from `start` until `end`, end and open one at each due time
        echo,    ///< from `start` until `end`, send commands; those due from `measured` on count
        report,  ///< write down what was found
        quit,
    };
    kind what{};
    std::uint32_t count = 0;
    double rate = 0; ///< of this worker; 0: as fast as it goes
    clock::time_point start{};
    clock::time_point measured{};
    clock::time_point end{};
};

/// The answer to an order that has been carried out.
struct order_done {
    order::kind what{};
};

/// Counts of one worker. It writes, the parent reads: now and then while it works, and exactly after a report.
struct tally {
    std::uint64_t live = 0;       ///< connections that are subscribed
    std::uint64_t given_up = 0;   ///< connections that could not be had
    std::uint64_t handshakes = 0; ///< since the last order that connects
    std::uint64_t failed = 0;     ///< attempts, likewise
    std::uint64_t warm_ups = 0;   ///< deliveries before those that are measured
    std::uint64_t deliveries = 0;
    std::uint64_t duplicated = 0;
    std::uint64_t disordered = 0;
    std::uint64_t lost = 0; ///< known after a report
    std::uint64_t dropped = 0;
    std::uint64_t pings = 0;
    std::uint64_t round_trips = 0;
    // Nanoseconds of `clock`; 0: there was none.
    std::int64_t handshakes_end = 0;
    std::int64_t deliveries_begin = 0;
    std::int64_t deliveries_end = 0;
    std::int64_t round_trips_end = 0;
};

/// The events whose latencies a worker reports.
enum class event : std::uint8_t { handshake, delivery, round_trip };
inline constexpr std::size_t events_count = 3;

/// One page of figures for each worker, in memory that child processes share with their parent.
class board {
public:
    /// For `workers`, and a count of publications for each of `channels`. Throws std::system_error without memory.
    board(std::uint32_t workers, std::uint32_t channels);

    /// The worker's: writes its counts, each whole, but not all at once.
    void write(std::uint32_t worker, const tally& counts) noexcept;
    tally read(std::uint32_t worker) const noexcept;
    /// Of all workers: counts added up, the earliest beginning and the latest end.
    tally read_all() const noexcept;

    /// The worker's, before it answers to the order to report; and the parent's, after.
    void write(std::uint32_t worker, event which, const latencies& lengths);
    latencies read_all(event which) const;

    /// The worker's last trouble, in words; the parent asks for anybody's.
    void write_trouble(std::uint32_t worker, std::string_view text) noexcept;
    std::string trouble() const;

    /// How many measured messages have been published in a channel: written by the parent, read after a report.
    std::uint64_t& published(std::uint32_t channel) noexcept { return published_[channel]; }
    std::uint64_t published(std::uint32_t channel) const noexcept { return published_[channel]; }

private:
    static constexpr std::size_t counts = sizeof(tally) / sizeof(std::uint64_t);
    static constexpr std::size_t trouble_bytes = 248;
    struct page {
        std::array<std::atomic<std::uint64_t>, counts> tallies;
        std::atomic<std::uint64_t> trouble_size;
        std::array<char, trouble_bytes> trouble;
    };
    struct unmap {
        std::size_t bytes;
        void operator()(std::byte* memory) const noexcept;
    };

    page& page_of(std::uint32_t worker) const noexcept;
    std::span<std::uint64_t> words(std::uint32_t worker, event which) const noexcept;

    std::uint32_t workers_;
    std::size_t page_bytes_;
    std::unique_ptr<std::byte, unmap> memory_;
    std::uint64_t* published_;
};

} // namespace carillon::load
