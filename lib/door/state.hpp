#pragma once

#include "door/resp_door.hpp"

#include <deque>
#include <memory>
#include <string>

namespace carillon::door {

/// A question to all shards, and what has been said to it.
struct resp_door::survey {
    bus::question asked;
    resp::version dialect = resp::version::resp2; ///< of who asked, when he did
    bus::answer said{};
    std::uint32_t missing = 0; ///< shards that have not answered

    void add(const bus::answer& more);
};

/// What a connection keeps while a command has come in part, or while one waits for the other shards.
struct resp_door::unfinished final : link::partial {
    // A command without its reply yet, a PUBLISH or a question to all shards, and the replies of the commands after it.
    struct unanswered {
        bool done = false;
        bool mute = false; // the reply is not wanted
        bus::publish_result receivers{std::uint32_t{0}};
        std::unique_ptr<survey> asked;
        std::string after;
    };

    explicit unfinished(const resp::command_limits& limits) : parser{limits} {}
    bool empty() const noexcept { return query.empty() && waiting.empty(); }

    std::string query; // from the first byte of a command that is not complete or not run
    resp::command_parser parser;
    std::deque<unanswered> waiting;
    std::uint32_t first_ticket = 0;       // the one of waiting.front()
    std::uint64_t heard_before_hello = 0; // the last delivery that a HELLO waits for; 0: none does
};

} // namespace carillon::door
