#pragma once

#include "bus/broker.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace carillon::bus {

/// Which connections of the door a CLIENT LIST or CLIENT KILL means.
struct client_filter {
    enum class kind : std::uint8_t { normal, pubsub, replication };

    std::vector<std::uint64_t> ids; ///< empty: any
    std::optional<kind> type;
    std::string address; ///< of the peer as IP:PORT; empty: any
    std::string local_address;
    std::uint64_t but_not = 0; ///< 0: no exception
};

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
    client_filter filter{};
    bool by_address_alone = false; ///< CLIENT KILL ip:port, which is answered with OK
};

/// What a shard says to a question.
struct answer {
    std::vector<std::string> names;
    std::vector<std::uint64_t> numbers;
    std::string text;
};

/// Answers the questions of all shards, and hears what the others say to its own. Thread: its shard's.
class respondent {
public:
    virtual answer answer_to(const question& asked) = 0;
    /// One of the other shards has answered; each does so once.
    virtual void on_answer(ticket whose, const answer& said) = 0;

protected:
    ~respondent() = default;
};

} // namespace carillon::bus
