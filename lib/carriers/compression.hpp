#pragma once

#include "hub/subscriber.hpp"
#include "metrics/shard_counters.hpp"
#include "ws/assembler.hpp"
#include "ws/deflater.hpp"
#include "ws/inflater.hpp"

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace carillon::carriers {

/// How messages on WebSockets are compressed (RFC 7692).
struct compression_options {
    bool on = false;             ///< for clients that offer it
    std::size_t bytes_min = 512; ///< shorter messages go out as they are
    int level = 1;               ///< 1 (quick) to 9 (small)
};

/// What a shard has for the compression of all its WebSockets. They keep nothing for it themselves: that one is
/// compressed, and how, is its format. Not to be shared between threads.
class compression {
public:
    compression(const compression_options& how, metrics::shard_counters& counters);

    /// For the messages of such a client.
    ws::message_limits limits_of(hub::format speaks, std::size_t message_bytes_max) const noexcept;
    /// Counts a message that came compressed.
    void on_inflated(std::size_t deflated_bytes, std::size_t bytes) noexcept;

    /// The same in fewer bytes, for a frame with ws::deflated_bit; empty: it goes out as it is. Valid until the next
    /// call.
    std::string_view deflate(hub::format speaks, std::string_view message);
    /// append_wrapped(), compressed where the format is and it is worth it.
    void append_wrapped(std::string& out, hub::format speaks, std::string_view message);

private:
    compression_options how_;
    metrics::shard_counters& counters_;
    std::unique_ptr<ws::inflater> inflater_; // both null: it is off
    std::unique_ptr<ws::deflater> deflater_;
    std::string deflated_;
    // Of what deflated_ was made: who hears joins and who does not gets the same, which is made once.
    std::string last_;
    std::optional<ws::deflate_window> last_window_;
};

} // namespace carillon::carriers
