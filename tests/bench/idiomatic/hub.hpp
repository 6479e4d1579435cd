#pragma once

#include "protocol/json_decoder.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/uuid/random_generator.hpp>

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace idiomatic {

namespace net = boost::asio;

/// One message, encoded once and shared by everybody who gets it.
using shared_message = std::shared_ptr<const std::string>;

inline constexpr std::size_t message_bytes_max = 65536;

class session;

/// One thread: its io_context, and who of its sessions listens to what. Only its own thread touches the rest.
struct worker {
    struct text_hash : std::hash<std::string_view> {
        using is_transparent = void;
    };
    using listeners = std::unordered_set<session*>;

    bool join(session& who, const std::string& channel) { return channels[channel].insert(&who).second; }
    void leave(session& who, const std::string& channel);
    /// Returns to how many.
    std::size_t deliver(std::string_view channel, const shared_message& message);

    net::io_context context{1};
    std::unordered_map<std::string, listeners, text_hash, std::equal_to<>> channels;
    carillon::protocol::json_decoder decoder{message_bytes_max};
    boost::uuids::random_generator_mt19937 client_ids;
};

/// All workers.
class hub {
public:
    explicit hub(std::size_t threads);

    worker& first() { return *workers_.front(); }
    worker& next();
    void run();
    void stop();

    /// To everybody who listens on any thread; to how many. `from` is the thread that this runs on.
    net::awaitable<std::size_t> publish(worker& from, std::string channel, shared_message message);

private:
    std::vector<std::unique_ptr<worker>> workers_;
    std::size_t next_ = 0;
};

/// The line that subscribers get; empty for a payload that is no text.
shared_message encode(std::string_view channel, std::string_view payload);

} // namespace idiomatic
