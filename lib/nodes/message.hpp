#pragma once

#include "api/decoder.hpp"
#include "api/reply.hpp"
#include "api/request.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

namespace carillon::nodes {

// What the nodes of a service say to each other: JSON with the number of its form. What a node does not understand,
// since it is of another version, it does not do.

/// What a node asks of others.
struct order {
    std::string from;         ///< who asks
    std::uint64_t number = 0; ///< its own
    api::command what;        ///< about a user's connections, or a question about this node
};

/// An order that this version does not know.
struct unknown_order {
    std::string from;
    std::uint64_t number = 0;
};

/// What each of them answers.
struct answer {
    std::string from;         ///< who answers
    std::uint64_t number = 0; ///< of the order
    api::reply said{};        ///< done, info, channels, connections or an error
};

/// What a client says that has come to another node than its stream.
struct saying {
    std::string session;
    std::string data;
};

/// Empty: it is nothing that nodes ask each other.
std::string text_of(const order& what);
std::string text_of(const answer& what);
std::string text_of(const saying& what);

using message = std::variant<std::monostate, order, unknown_order, answer, saying>;
/// monostate: it is not understood.
message read_message(std::string_view text, api::decoder& with);

} // namespace carillon::nodes
