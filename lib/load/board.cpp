#include "load/board.hpp"

#include "base/check.hpp"

#include <algorithm>
#include <bit>
#include <cerrno>
#include <new>
#include <sys/mman.h>
#include <system_error>

namespace carillon::load {
namespace {

constexpr std::size_t line_bytes = 64;

std::byte* map(std::size_t bytes) {
    void* const memory = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) throw std::system_error{errno, std::generic_category(), "shared memory"};
    return static_cast<std::byte*>(memory);
}

std::int64_t earlier(std::int64_t one, std::int64_t other) noexcept {
    return one == 0 || (other != 0 && other < one) ? other : one;
}

} // namespace

void board::unmap::operator()(std::byte* memory) const noexcept { ::munmap(memory, bytes); }

// The kernel gives zeroed pages, which is what every member begins with.
board::board(std::uint32_t workers, std::uint32_t channels)
    : workers_{workers},
      page_bytes_{(sizeof(page) + events_count * latencies::words_count() * sizeof(std::uint64_t) + line_bytes - 1) /
                  line_bytes * line_bytes},
      memory_{nullptr, unmap{workers * page_bytes_ + channels * sizeof(std::uint64_t)}} {
    memory_.reset(map(memory_.get_deleter().bytes));
    for (std::uint32_t i = 0; i < workers; ++i) new (memory_.get() + i * page_bytes_) page{};
    published_ = reinterpret_cast<std::uint64_t*>(memory_.get() + workers * page_bytes_);
}

board::page& board::page_of(std::uint32_t worker) const noexcept {
    CHECK(worker < workers_);
    return *std::launder(reinterpret_cast<page*>(memory_.get() + worker * page_bytes_));
}

std::span<std::uint64_t> board::words(std::uint32_t worker, event which) const noexcept {
    const std::size_t count = latencies::words_count();
    auto* const first = reinterpret_cast<std::uint64_t*>(reinterpret_cast<std::byte*>(&page_of(worker)) + sizeof(page));
    return {first + static_cast<std::size_t>(which) * count, count};
}

void board::write(std::uint32_t worker, const tally& now) noexcept {
    const auto numbers = std::bit_cast<std::array<std::uint64_t, counts>>(now);
    page& to = page_of(worker);
    for (std::size_t i = 0; i < counts; ++i) to.tallies[i].store(numbers[i], std::memory_order_relaxed);
}

tally board::read(std::uint32_t worker) const noexcept {
    std::array<std::uint64_t, counts> numbers{};
    const page& from = page_of(worker);
    for (std::size_t i = 0; i < counts; ++i) numbers[i] = from.tallies[i].load(std::memory_order_relaxed);
    return std::bit_cast<tally>(numbers);
}

tally board::read_all() const noexcept {
    tally all;
    for (std::uint32_t i = 0; i < workers_; ++i) {
        const tally one = read(i);
        all.live += one.live;
        all.given_up += one.given_up;
        all.handshakes += one.handshakes;
        all.failed += one.failed;
        all.warm_ups += one.warm_ups;
        all.deliveries += one.deliveries;
        all.duplicated += one.duplicated;
        all.disordered += one.disordered;
        all.lost += one.lost;
        all.dropped += one.dropped;
        all.pings += one.pings;
        all.round_trips += one.round_trips;
        all.handshakes_end = std::max(all.handshakes_end, one.handshakes_end);
        all.deliveries_begin = earlier(all.deliveries_begin, one.deliveries_begin);
        all.deliveries_end = std::max(all.deliveries_end, one.deliveries_end);
        all.round_trips_end = std::max(all.round_trips_end, one.round_trips_end);
    }
    return all;
}

void board::write(std::uint32_t worker, event which, const latencies& lengths) {
    std::ranges::copy(lengths.to_words(), words(worker, which).begin());
}

latencies board::read_all(event which) const {
    latencies all;
    for (std::uint32_t i = 0; i < workers_; ++i) {
        const std::span<const std::uint64_t> all_words = words(i, which);
        all.add(latencies::from_words(all_words));
    }
    return all;
}

void board::write_trouble(std::uint32_t worker, std::string_view text) noexcept {
    page& to = page_of(worker);
    text = text.substr(0, trouble_bytes);
    std::ranges::copy(text, to.trouble.begin());
    to.trouble_size.store(text.size(), std::memory_order_release);
}

std::string board::trouble() const {
    for (std::uint32_t i = 0; i < workers_; ++i) {
        const page& from = page_of(i);
        const std::uint64_t size = from.trouble_size.load(std::memory_order_acquire);
        if (size > 0) return {from.trouble.data(), std::min<std::size_t>(size, trouble_bytes)};
    }
    return {};
}

} // namespace carillon::load
