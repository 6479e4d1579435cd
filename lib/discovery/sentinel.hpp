#pragma once

#include "discovery/place.hpp"
#include "resp/reply.hpp"

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace carillon::discovery {

/// What Sentinels are asked, and as whom.
struct sentinel_options {
    std::string master{}; ///< the name under which they watch it
    std::string user = "default";
    std::string password{}; ///< empty: no AUTH
};

/// One question to one Sentinel, where the master is, and its answer. Pure.
class sentinel_talk {
public:
    explicit sentinel_talk(const sentinel_options& how);

    /// To be sent at once.
    const std::string& question() const noexcept { return question_; }

    struct outcome {
        place master{};
        std::string why{}; ///< there is no answer: one line, without the password
    };
    static outcome none(std::string why);
    /// None: more has to come. Once there is one, it is over.
    std::optional<outcome> on_received(std::string_view bytes);

private:
    std::optional<outcome> on_reply(std::span<const resp::node> nodes);

    std::string master_;
    std::string password_;
    std::string question_;
    std::string input_;
    resp::reply_parser parser_;
    bool logging_in_;
};

/// Where Sentinels say that the master is, while one is in use. They are asked by turns; when one of them says
/// something else, all are worth asking, and more than half of them must agree: one that is cut off from the others
/// goes on saying what was true before. Pure.
class sentinel_votes {
public:
    explicit sentinel_votes(std::size_t sentinels) : said_(sentinels) {}

    /// Whose turn it is to be asked.
    std::size_t next() noexcept;
    /// What one of them says; none: nothing.
    void said(std::size_t who, std::optional<place> master) { said_[who] = std::move(master); }
    /// Whether one of them says that it is elsewhere.
    bool disputed(const place& now) const;
    /// Where more than half of all say that it is.
    std::optional<place> majority() const;
    void forget();
    std::size_t size() const noexcept { return said_.size(); }

private:
    std::vector<std::optional<place>> said_;
    std::size_t turn_ = 0;
};

} // namespace carillon::discovery
