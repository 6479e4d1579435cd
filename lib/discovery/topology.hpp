#pragma once

#include "discovery/place.hpp"
#include "resp/reply.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace carillon::discovery {

/// Which primary of a cluster has which slots, as one of its nodes says.
struct topology {
    struct range {
        std::uint16_t first = 0;
        std::uint16_t last = 0;
        place primary{};

        bool operator==(const range&) const = default;
    };
    std::vector<range> ranges{};
    std::vector<place> nodes{}; ///< primaries and replicas, each once: who can be asked the next time
    std::uint64_t epoch = 0;    ///< grows with each failover; who says a smaller one is behind the times

    std::size_t primaries() const; ///< how many
};

/// What the nodes of a cluster are asked, and as whom.
struct cluster_login {
    std::string user = "default";
    std::string password{}; ///< empty: no AUTH
};

/// One question to one node of a cluster, which slots are where, and its answer. A node that says of itself that its
/// cluster serves nobody knows nothing that is of use. Pure.
class cluster_talk {
public:
    /// `asked`: where the node is, for one that does not know its own address.
    cluster_talk(const cluster_login& who, place asked);

    /// To be sent at once.
    const std::string& question() const noexcept { return question_; }
    /// True: it is over, and there is what was asked for, or why() there is not.
    bool on_received(std::string_view bytes);

    const topology& said() const noexcept { return said_; }
    const std::string& why() const noexcept { return why_; } ///< one line, without the password

private:
    enum class stage : std::uint8_t { login, state, ranges };

    bool fail(std::string why);
    bool on_reply(std::span<const resp::node> nodes);
    bool on_state(std::string_view text);
    bool on_ranges(std::span<const resp::node> nodes);

    place asked_;
    std::string password_;
    std::string question_;
    std::string input_;
    resp::reply_parser parser_;
    stage awaits_;
    topology said_;
    std::string why_;
};

} // namespace carillon::discovery
