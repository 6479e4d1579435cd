#pragma once

#include "channels/rules.hpp"
#include "clients/carrier.hpp"
#include "hooks/application.hpp"
#include "hooks/question.hpp"
#include "http/request_head.hpp"
#include "people/client_ids.hpp"
#include "protocol/command.hpp"

#include <boost/unordered/unordered_flat_map.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace carillon::clients {

/// What the application has to do with clients (protocol §9): whom of it to ask, what it is shown of a client's
/// requests, and which ends it is being asked about. Something is kept only of those clients whom it concerns.
/// Thread: the shard's.
class consultations {
public:
    /// No application: nobody is asked. `knows_proxies`: what a request says of whose it is, is the carrier's business.
    /// All of it outlives this; the rules may change.
    consultations(hooks::application* whom, const channels::rules& by, const people::client_ids& ids,
                  const net::slab& records, bool knows_proxies) noexcept
        : application_{whom}, rules_{&by}, ids_{&ids}, records_{&records}, knows_proxies_{knows_proxies} {}

    /// Null: there is none.
    hooks::application* application() const noexcept { return application_; }

    /// Who is asked, for application::ask; none: nobody.
    std::optional<std::size_t> whom(hooks::event what, std::string_view channel = {}) const;
    /// The same for a subscribe. Tokens, private channels and lists of users decide before the application (§6.4).
    std::optional<std::size_t> whom_to_subscribe(std::string_view channel, bool has_token) const;

    /// What the application is told of a client in any question. The user lies in `in` if need be.
    static hooks::question question_of(const client& c, hooks::event what, people::identity::room& in);
    /// Asks what `what` says; who asks, and how it is connected, is added.
    void ask(const client& c, std::size_t whom, hooks::question what, hooks::application::told done);

    /// Asks about the end of a connection, or of a subscription to `channel`. False: that is being asked already.
    bool ask_about_end(const client& c, std::size_t whom, std::string_view channel, hooks::application::told done);
    bool asks_about_end(const client& c, std::string_view channel) const;
    /// That question has been answered.
    void on_answer_about_end(net::connection_key whose, std::string_view channel);

    /// Keeps those fields of an upgrade that the application shall see; `by` knows which address is held to be the
    /// client's.
    void keep_fields(const client& c, const http::request_head& head, const carrier& by);
    /// The same of the headers that a connect command has. False: they are none.
    bool keep_emulated(const client& c, std::span<const protocol::emulated_header> headers);
    /// What the application has to say to a client in the answer to its connect.
    std::string& answer_to_connect(const client& c) { return kept_[key_of(c)].data; }
    /// The same, once; and what was only needed for a connect is forgotten.
    std::string take_answer_to_connect(const client& c);
    void forget(const client& c) noexcept;

    /// What is kept of a client's requests; null: nothing.
    const hooks::head_fields* fields_of(const client& c) const;
    /// The same of another process, from which the client comes.
    void inherit_fields(const client& c, hooks::head_fields fields);
    /// Whether the application is being asked about an end of its, or has said what it has not been told.
    bool is_busy_with(const client& c) const;

    /// Tells it what has happened to a client, if it wants to hear of that.
    void tell(const client& c, hooks::event what, std::uint16_t code = 0, std::string_view reason = {}) const;

private:
    struct kept {
        std::shared_ptr<const hooks::head_fields> fields{};
        std::string data{};                ///< of the answer to a connect, until that has been told
        std::vector<std::string> asking{}; ///< about the end of these channels, or "": of the connection
    };

    std::uint64_t key_of(const client& c) const noexcept { return records_->key_of(c).packed(); }

    hooks::application* application_;
    const channels::rules* rules_;
    const people::client_ids* ids_;
    const net::slab* records_;
    bool knows_proxies_;
    boost::unordered_flat_map<std::uint64_t, kept> kept_; // by the connection
};

} // namespace carillon::clients
