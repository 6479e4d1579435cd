#pragma once

#include "load/clock.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace carillon::load {

/// What a message carries so that its receiver knows which one it is, and when it should have been sent.
struct marker {
    std::uint32_t run = 0;      ///< tells this run's messages from another's, and those measured from the warm-up's
    std::uint32_t channel = 0;  ///< number of the channel within the run
    std::uint64_t sequence = 0; ///< of the channel, from 0; below 2^48
    clock::time_point due{};    ///< when it should have been published, however late it was; not before the clock began

    bool operator==(const marker&) const = default;
};

/// "@cb:" run ":" channel ":" sequence ":" due "@", the numbers in 8, 8, 12 and 16 hexadecimal digits: plain letters
/// that no server has a reason to escape.
inline constexpr std::size_t marker_bytes = 4 + 8 + 1 + 8 + 1 + 12 + 1 + 16 + 1;

void write_marker(std::span<char, marker_bytes> out, const marker& what) noexcept;

/// Finds the next whole marker and takes it, with all before it, from the front of `text`. Empty when there is none.
std::optional<marker> take_marker(std::string_view& text) noexcept;

/// The smallest payload: a JSON object with a marker and nothing to fill it up.
inline constexpr std::size_t payload_bytes_min = marker_bytes + std::string_view{R"({"bench":"","fill":""})"}.size();

/// Payloads of one size, each a JSON object with a marker in it.
class payload_writer {
public:
    /// `bytes` is at least payload_bytes_min.
    explicit payload_writer(std::size_t bytes);

    /// Valid until the next call.
    std::string_view write(const marker& what) noexcept;

private:
    std::string text_;
};

} // namespace carillon::load
