#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <mutex>
#include <utility>
#include <vector>

namespace carillon::bus {

/// How much of what others left a shard handles before its own events get their turn.
inline constexpr int messages_per_turn = 256;
inline constexpr std::size_t message_bytes_per_turn = 128 * 1024;

/// Where other shards leave messages for a shard. Many messages cost one wake-up: the shard empties the box at once.
/// Its length is bounded by what the senders may have on their way.
template <class Message>
class mailbox {
public:
    explicit mailbox(boost::asio::io_context& reader) : reader_{&reader} {}

    /// Any thread. `handle(std::vector<Message>&)` runs on the reader's thread.
    template <class Handle>
    void push(Message message, Handle&& handle) {
        {
            const std::lock_guard lock{mutex_};
            messages_.push_back(std::move(message));
            if (std::exchange(announced_, true)) return;
        }
        announce(std::forward<Handle>(handle));
    }

    /// Likewise, for several messages at once; they are moved from.
    template <class Handle>
    void push_all(std::vector<Message>& several, Handle&& handle) {
        {
            const std::lock_guard lock{mutex_};
            std::move(several.begin(), several.end(), std::back_inserter(messages_));
            if (std::exchange(announced_, true)) return;
        }
        announce(std::forward<Handle>(handle));
    }

private:
    template <class Handle>
    void announce(Handle&& handle) {
        boost::asio::post(*reader_, [this, handle = std::forward<Handle>(handle)] {
            std::vector<Message> taken;
            {
                const std::lock_guard lock{mutex_};
                announced_ = false;
                taken.swap(messages_);
                messages_.swap(spare_);
            }
            handle(taken);
            taken.clear();
            const std::lock_guard lock{mutex_};
            if (taken.capacity() > spare_.capacity()) taken.swap(spare_);
        });
    }

    boost::asio::io_context* reader_;
    std::mutex mutex_;
    std::vector<Message> messages_;
    std::vector<Message> spare_; // keeps the memory of an emptied box
    bool announced_ = false;
};

} // namespace carillon::bus
