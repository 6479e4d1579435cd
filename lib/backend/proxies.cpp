#include "backend/proxies.hpp"

#include "base/check.hpp"
#include "http/ascii.hpp"
#include "outward/error.hpp"

#include <boost/asio/post.hpp>
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

namespace carillon::backend {

namespace asio = boost::asio;

namespace {

outward::target_options target_of(const config::proxy& how, std::string name) {
    outward::target_options made{.name = std::move(name),
                                 .ca_file = how.ca_file,
                                 .timeout = how.timeout,
                                 .connections_max = how.connections_max,
                                 .queue_max = how.queue_max,
                                 .response_bytes_max = how.response_bytes_max,
                                 .failures_max = how.failures_max,
                                 .open_for = how.open};
    CHECK(http::read_url(how.url, made.where).empty()); // loading::load has looked at it
    return made;
}

event_stream::options stream_of(const config::settings& how, const std::string& name, std::size_t target,
                                const std::vector<outward::field>& fields) {
    return {.name = name,
            .target = target,
            .fields = fields,
            .batch_max = how.events_batch_max,
            .wait = how.events_wait,
            .waiting_max = how.events_waiting_max,
            .retry = how.events_retry};
}

std::chrono::milliseconds unix_time() {
    return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch());
}

bool is_in(const std::vector<std::string>& names, std::string_view name) {
    return std::ranges::any_of(names, [&](const std::string& each) { return http::same_ignoring_case(each, name); });
}

} // namespace

proxy_table::proxy_table(outward::client& via, const config::settings& how)
    : via_{&via}, complaints_{how.log_refusals_per_s_max} {
    for (const config::proxy& each : how.proxies) {
        const std::size_t number = entries_.size();
        entry made{.name = fmt::format("proxy_{}", number + 1),
                   .passed_on = each.headers,
                   .emulated = each.emulated_headers,
                   .timeout = each.timeout};
        made.target = via.add(target_of(each, made.name));
        for (const auto& [name, value] : each.static_headers) made.always.push_back({name, value});
        if (std::ranges::any_of(each.event, hooks::is_notice))
            made.events = std::make_unique<event_stream>(via, stream_of(how, made.name, made.target, made.always));
        entries_.push_back(std::move(made));
        for (const hooks::event what : each.event) {
            asked& of = by_event_.at(static_cast<std::size_t>(what));
            if (each.namespaces.empty() || !hooks::is_of_channel(what)) {
                of.others = number;
            } else {
                for (const std::string& name : each.namespaces) of.some.emplace_back(name, number);
            }
            const bool wants_fields = !each.headers.empty() || !each.emulated_headers.empty();
            if (what != hooks::event::connect && !hooks::is_notice(what) && wants_fields) needs_fields_later_ = true;
        }
        for (const std::string& name : each.headers) {
            if (!is_in(fields_, name)) fields_.push_back(name);
        }
        for (const std::string& name : each.emulated_headers) {
            if (!is_in(emulated_fields_, name)) emulated_fields_.push_back(name);
        }
    }
}

std::optional<std::size_t> proxy_table::find(hooks::event what, std::string_view name_space) const noexcept {
    const asked& of = by_event_[static_cast<std::size_t>(what)];
    for (const auto& [name, number] : of.some) {
        if (name == name_space) return number;
    }
    return of.others;
}

void proxy_table::ask(std::size_t whom, std::string body, const hooks::head_fields* fields,
                      hooks::application::told done) {
    const entry& to = entries_.at(whom);
    outward::request what{.how = outward::method::post, .fields = to.always, .body = std::move(body)};
    if (fields != nullptr) {
        for (const auto& [name, value, emulated] : *fields) {
            if (!emulated && is_in(to.passed_on, name)) what.fields.push_back({name, value});
        }
        // What the request itself has, or a password of ours, is not for the client to say over again.
        const auto is_there = [&](const std::string& name) {
            return std::ranges::any_of(
                what.fields, [&](const outward::field& each) { return http::same_ignoring_case(each.name, name); });
        };
        for (const auto& [name, value, emulated] : *fields) {
            if (emulated && is_in(to.emulated, name) && !is_there(name)) what.fields.push_back({name, value});
        }
    }
    via_->send(to.target, std::move(what),
               [this, &to, done = std::move(done)](const outward::answer& with) { done(answer_of(to, with)); });
}

// Read on the client's thread, so that a long answer holds up no shard.
hooks::answer proxy_table::answer_of(const entry& from, const outward::answer& with) {
    if (!with && with.error() == outward::error::busy) return hooks::failure{}; // on a shard's thread; it is counted
    hooks::answer said = hooks::failure{with ? fmt::format("the status is {}", with->status) : with.error().message()};
    thread_local hooks::reader reader;
    if (with && with->status >= 200 && with->status < 300) said = reader.read(with->body);
    const auto* failed = std::get_if<hooks::failure>(&said);
    if (failed == nullptr || !complaints_.admit(logs::bounded_log::clock::now())) return said;
    const std::uint64_t more = complaints_.take_suppressed();
    spdlog::warn("{} has no answer: {}{}", from.name, failed->why,
                 more > 0 ? fmt::format(" ({} more without a line)", more) : "");
    return said;
}

// --- events

void proxy_table::be_called(const std::string& node, const std::string& boot) {
    for (const entry& each : entries_)
        if (each.events) each.events->be_called(node, boot);
}

void proxy_table::tell(std::size_t whom, const hooks::notice& what) {
    entries_[whom].events->add(hooks::text_of(what, unix_time()));
}

void proxy_table::tell_all(std::string_view what) {
    for (const entry& each : entries_)
        if (each.events) each.events->add(hooks::text_of(what, unix_time()));
}

void proxy_table::occupy(std::string_view name_space, std::string_view channel, bool by_somebody) {
    const auto about = by_somebody ? hooks::event::occupied : hooks::event::vacated;
    occupied_.change(channel, by_somebody, [&] {
        if (const auto whom = find(about, name_space)) tell(*whom, {.about = about, .channel = channel});
    });
}

std::optional<std::uint64_t> proxy_table::last_told() const noexcept {
    for (const auto about : {hooks::event::connected, hooks::event::disconnected})
        if (const auto whom = find(about, {})) return entries_[*whom].events->last();
    return std::nullopt;
}

void proxy_table::finish() {
    for (const entry& each : entries_)
        if (each.events) each.events->hurry();
    for (const entry& each : entries_)
        if (each.events) each.events->finish(each.timeout);
}

void proxy_table::count(std::vector<metrics::outward_facts>& into) const {
    for (const entry& each : entries_)
        if (each.events && each.target < into.size()) into[each.target].events = each.events->counts();
}

void proxy_desk::ask(std::size_t whom, std::string body, std::shared_ptr<const hooks::head_fields> fields, told done) {
    all_->ask(whom, std::move(body), fields.get(), [context = context_, done = std::move(done)](hooks::answer said) {
        asio::post(*context, [done, said = std::move(said)]() mutable { done(std::move(said)); });
    });
}

} // namespace carillon::backend
