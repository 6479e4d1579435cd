#pragma once

#include "bus/broker.hpp"
#include "commands/client_filter.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace carillon::bus {

/// What one shard asks all of them, itself included.
struct question {
    enum class subject : std::uint8_t {
        channels,          ///< names that match words[0], or all
        subscribers,       ///< numbers: of each channel in words
        patterns,          ///< names
        shard_channels,    ///< as channels
        shard_subscribers, ///< as subscribers
        clients,           ///< text: a line for each
        kill,              ///< numbers: how many were ended
        totals,            ///< numbers: connections, channels, patterns, sharded channels
    };
    subject about{};
    std::vector<std::string> words{};
    commands::client_filter filter{};
    bool by_address_alone = false; ///< CLIENT KILL ip:port, which is answered with OK
};

/// What a shard says to a question.
struct answer {
    std::vector<std::string> names;
    std::vector<std::uint64_t> numbers;
    std::string text;
    std::size_t name_bytes = 0; ///< of names
};

/// A question on its way through one shard, some at a time.
struct inquiry {
    std::shared_ptr<const question> what;
    std::uint32_t place = 0; ///< where to go on
    answer said{};
};

/// Answers the questions of all shards, and hears what the others say to its own. Thread: its shard's.
class respondent {
public:
    /// Adds some to what has been said. True: that was all.
    virtual bool answer_some(inquiry& of) = 0;
    /// One of the shards that were asked has answered; each does so once.
    virtual void on_answer(ticket whose, const answer& said) = 0;

protected:
    ~respondent() = default;
};

} // namespace carillon::bus
