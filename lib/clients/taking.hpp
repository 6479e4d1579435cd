#pragma once

#include "bus/broker.hpp"
#include "clients/household.hpp"
#include "streams/position.hpp"
#include "takeover/records.hpp"

#include <boost/unordered/unordered_flat_map.hpp>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace carillon::clients {

/// Clients of another process that become those of a shard (docs/decisions/0059). Nothing is sent to them before the
/// shard's deliveries go on. Thread: the shard's.
class taking final : public bus::home_listener, public bus::subscription_listener {
public:
    explicit taking(const household& by, bus::subscription_listener& then) : of_{by}, listener_{&then} {}
    taking(const taking&) = delete;
    taking& operator=(const taking&) = delete;

    /// Takes a client whose record has been made. False: it cannot be had here.
    bool take(client& c, const takeover::client& what);
    /// Asks what they have missed, subscribes them behind that, and calls `then(whether all is well)` when the bus has
    /// answered everything. After the last take().
    void learn(std::function<void(bool well)> then);
    /// They are ours now: who has missed what cannot be had is told so, and all of them are there.
    void settle(client& c);
    void tell_lost();

    void on_home_answer(bus::ticket whose, std::string_view channel, const result<bus::home_answer>& said) override;
    void on_subscribed(bus::ticket whose) override;
    void on_subscribe_failed(bus::ticket whose, std::string_view channel, bus::error why) override;
    void on_unsubscribed(std::string_view channel, bus::error why) override;

    std::uint64_t lost() const noexcept { return lost_.size(); } ///< subscriptions whose publications cannot be had

private:
    static constexpr std::size_t questions_max = 256; // that are not answered

    // Somebody who is to go on with a channel.
    struct heir {
        streams::position at{};
        net::connection_key whose{};
        bool joins = false;
        bool deltas = false;
    };

    bool join(client& c, std::string_view channel, const heir& how);
    void ask_some();
    void finish();
    void lose(std::string_view channel, const heir& who);

    household of_;
    bus::subscription_listener* listener_; // of the shard's clients, for what comes when they are ours
    boost::unordered_flat_map<std::string, std::vector<heir>, hash_of_name, std::equal_to<>> heirs_;
    std::deque<std::string> wanted_; // of these, that nobody has asked about
    std::vector<std::pair<net::connection_key, std::string>> lost_;
    std::size_t asked_ = 0;
    std::size_t pending_ = 0; // subscriptions that the bus has not confirmed
    bool well_ = true;
    bool asking_ = false;
    bool settled_ = false;
    std::function<void(bool well)> then_;
};

} // namespace carillon::clients
