#pragma once

#include "bus/broker.hpp"

#include <boost/unordered/unordered_flat_map.hpp>

#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>
#include <utility>

namespace carillon::shards {

/// Asks what is known of channels on behalf of the server API. Thread: its shard's.
class home_desk final : public bus::home_listener {
public:
    using told = std::function<void(const result<bus::home_answer>&)>;

    explicit home_desk(bus::broker& bus) : bus_{&bus} {}

    /// `then` hears the answer, at once or later; what the bus takes is bounded by the bus.
    void ask(std::string_view channel, const bus::home_question& what, told then) {
        const bus::ticket mine{.connection = ++last_ticket_};
        if (const auto said = bus_->ask_home(channel, what, *this, mine)) return then(*said);
        waiting_.emplace(mine.connection, std::move(then));
    }

    void on_home_answer(bus::ticket whose, std::string_view, const result<bus::home_answer>& said) override {
        const auto found = waiting_.find(whose.connection);
        CHECK(found != waiting_.end());
        const told then = std::move(found->second);
        waiting_.erase(found);
        then(said);
    }

private:
    bus::broker* bus_;
    boost::unordered_flat_map<std::uint64_t, told> waiting_;
    std::uint64_t last_ticket_ = 0;
};

} // namespace carillon::shards
