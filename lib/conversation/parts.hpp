#pragma once

#include "hooks/application.hpp"
#include "net/connection.hpp"
#include "protocol/codes.hpp"
#include "protocol/encoder.hpp"
#include "streams/store.hpp"

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace carillon::conversation {

// What a host keeps beside the records, and only for those who need it.

/// A channel that is taken from everybody who had it: the push that says so.
struct farewell {
    std::string channel;
    protocol::unsubscription code{};
    std::string_view reason;
    std::vector<net::connection_key> whose;
};

/// What many have missed alike, in a reply's form.
struct encoded_list {
    streams::shared_batch of;
    const protocol::encoder* with = nullptr;
    bool deltas = false;
    std::string text;
};

/// For those of whom the application is asked, by their connection.
struct asked_of {
    std::shared_ptr<const hooks::head_fields> fields{};
    std::string data{};                ///< of the answer to a connect, until that has been told
    std::vector<std::string> asking{}; ///< about the end of these channels, or "": of the connection
};

} // namespace carillon::conversation
