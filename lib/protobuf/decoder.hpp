#pragma once

#include "base/result.hpp"
#include "protocol/command.hpp"
#include "protocol/decode_error.hpp"

#include <optional>
#include <string_view>
#include <vector>

namespace carillon::protobuf {

/// Takes the protobuf form of the protocol apart (§1.2): messages of commands, each with its length in front. Allocates
/// nothing but for the subscriptions of a connect. One for each shard. Not thread-safe.
class decoder {
public:
    /// `one` is a serialized Command without its length. Views are into it, and valid until the next call. Fields that
    /// the schema does not know are skipped; texts must be UTF-8.
    result<protocol::command> decode(std::string_view one);

private:
    std::vector<protocol::subscribe_request> subscriptions_of_connect_;
    std::vector<protocol::emulated_header> headers_of_connect_;
    protocol::filter_node filter_of_subscribe_;
};

/// Takes the next command and its length from the front of `message`. Empty when nothing is left, or when what is left
/// is torn: then `message` is not empty.
std::optional<std::string_view> next_delimited(std::string_view& message) noexcept;

} // namespace carillon::protobuf
