#pragma once

#include "bus/broker.hpp"
#include "clients/household.hpp"
#include "hub/hub.hpp"
#include "streams/position.hpp"
#include "takeover/records.hpp"

#include <boost/unordered/unordered_flat_map.hpp>

#include <cstddef>
#include <deque>
#include <functional>
#include <string>
#include <string_view>

namespace carillon::clients {

/// What another process that takes over has to know of a shard's clients (docs/decisions/0059): it follows where the
/// streams of their channels stand. Thread: the shard's.
class giving final : public bus::home_listener, public hub::position_listener {
public:
    explicit giving(const household& of) : of_{of} {}
    giving(const giving&) = delete;
    giving& operator=(const giving&) = delete;

    /// From now on it follows; it outlives the last answer from the bus.
    void start();
    /// Nothing comes of it: it knows nothing any more, and calls nobody.
    void stop();
    /// Asks where the streams stand of which it does not know that yet, and calls `then(whether all of them said so)`.
    /// Can be called again after that.
    void learn(std::function<void(bool well)> then);

    /// Whether nothing is half-done in its conversation, and all that is kept of it can be told.
    bool describe(const client& c, takeover::client& into) const;

    void on_home_answer(bus::ticket whose, std::string_view channel, const result<bus::home_answer>& said) override;
    void on_numbered(std::string_view channel, std::uint64_t offset, std::string_view epoch) override;
    void on_left(std::string_view channel) override;

private:
    // Questions that are not answered.
    static constexpr std::size_t questions_max = 256;

    void ask_some();
    bool describe_person(const person& whose, takeover::client& into) const;
    bool describe_request(const client& c, takeover::client& into) const;
    bool describe_channels(const client& c, takeover::client& into) const;

    household of_;
    boost::unordered_flat_map<std::string, streams::position, hash_of_name, std::equal_to<>> places_;
    std::deque<std::string> wanted_;
    std::size_t asked_ = 0;
    bool well_ = true;
    bool asking_ = false;
    bool following_ = false;
    std::function<void(bool well)> then_;
};

} // namespace carillon::clients
