#pragma once

#include "backend/event_stream.hpp"
#include "backend/occupancy.hpp"
#include "config/settings.hpp"
#include "hooks/application.hpp"
#include "logs/bounded_log.hpp"
#include "metrics/outward_facts.hpp"
#include "outward/client.hpp"

#include <boost/asio/io_context.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace carillon::backend {

/// Who of the application is asked about what: the `[[proxy]]` tables. Constant once it is made, and shared by all
/// shards, but for what `answer_of` needs.
class proxy_table {
public:
    /// The targets are added to the client. Throws boost::system::system_error if certificates cannot be read.
    proxy_table(outward::client& via, const config::settings& how);

    std::optional<std::size_t> find(hooks::event what, std::string_view name_space) const noexcept;
    const std::vector<std::string>& fields() const noexcept { return fields_; }
    const std::vector<std::string>& emulated_fields() const noexcept { return emulated_fields_; }
    bool needs_fields_later() const noexcept { return needs_fields_later_; }

    /// Asks the proxy of this number. `done` is called once, on the client's thread or at once.
    void ask(std::size_t whom, std::string body, const hooks::head_fields* fields, hooks::application::told done);

    // Events, which a proxy that wants some is told in batches. Any thread.
    void be_called(const std::string& node, const std::string& boot);
    void tell(std::size_t whom, const hooks::notice& what);
    void tell_all(std::string_view what);
    /// One of the shards has a subscriber to the channel now, or has none any more.
    void occupy(std::string_view name_space, std::string_view channel, bool by_somebody);
    /// As hooks::application has it.
    std::optional<std::uint64_t> last_told() const noexcept;
    /// Lets what waits be told, for as long as a request may take; then nobody is told anything.
    void finish();
    /// What has been told, into the facts of all targets.
    void count(std::vector<metrics::outward_facts>& into) const;

private:
    struct entry {
        std::string name;
        std::size_t target = 0;
        std::vector<std::string> passed_on{};
        std::vector<std::string> emulated{};
        std::vector<outward::field> always{};
        std::chrono::milliseconds timeout{};
        std::unique_ptr<event_stream> events{}; // null: it wants none
    };
    // Of one event: the proxies for some namespaces, and the one for the others.
    struct asked {
        std::vector<std::pair<std::string, std::size_t>> some;
        std::optional<std::size_t> others;
    };

    hooks::answer answer_of(const entry& from, const outward::answer& with);

    outward::client* via_;
    std::vector<entry> entries_;
    std::array<asked, hooks::events> by_event_;
    std::vector<std::string> fields_;
    std::vector<std::string> emulated_fields_;
    bool needs_fields_later_ = false;
    logs::bounded_log complaints_; // the client's thread
    occupancy occupied_;
};

/// The application, as one shard sees it. Thread: the shard's.
class proxy_desk final : public hooks::application {
public:
    proxy_desk(boost::asio::io_context& shard, proxy_table& all) : context_{&shard}, all_{&all} {}

    std::optional<std::size_t> find(hooks::event what, std::string_view name_space) const override {
        return all_->find(what, name_space);
    }
    const std::vector<std::string>& fields() const override { return all_->fields(); }
    const std::vector<std::string>& emulated_fields() const override { return all_->emulated_fields(); }
    bool needs_fields_later() const override { return all_->needs_fields_later(); }
    void ask(std::size_t whom, std::string body, std::shared_ptr<const hooks::head_fields> fields, told done) override;
    void tell(std::size_t whom, const hooks::notice& what) override { all_->tell(whom, what); }
    void occupy(std::string_view name_space, std::string_view channel, bool by_somebody) override {
        all_->occupy(name_space, channel, by_somebody);
    }
    std::optional<std::uint64_t> last_told() const override { return all_->last_told(); }

private:
    boost::asio::io_context* context_;
    proxy_table* all_;
};

} // namespace carillon::backend
