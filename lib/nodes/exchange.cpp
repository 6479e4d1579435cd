#include "nodes/exchange.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <exception>
#include <utility>

namespace carillon::nodes {

namespace asio = boost::asio;

namespace {

constexpr std::string_view control_name = ".control";
constexpr std::string_view node_name = ".node.";
// A node is named as a UUID is written: what a client says its node is goes into a channel's name.
constexpr std::size_t uid_bytes = 36;

bool is_hexadecimal(std::string_view text) noexcept {
    return text.find_first_not_of("0123456789abcdef-") == std::string_view::npos;
}

bool is_uid(std::string_view text) noexcept { return text.size() == uid_bytes && is_hexadecimal(text); }

} // namespace

exchange::exchange(asio::io_context& control, exchange_options how, exchange_ends ends)
    : context_{&control}, options_{std::move(how)}, ends_{std::move(ends)}, decoder_{api::limits{
                                                                                .body_bytes_max = options_.bytes_max}} {
}

std::string exchange::channel_of(std::string_view uid) const {
    return options_.prefix + std::string{node_name} + std::string{uid};
}

std::vector<std::string> exchange::channels() const {
    return {options_.prefix + std::string{control_name}, channel_of(options_.uid)};
}

bool exchange::is_ours(std::string_view prefix, std::string_view channel) noexcept {
    if (!channel.starts_with(prefix)) return false;
    channel.remove_prefix(prefix.size());
    return channel == control_name || channel.starts_with(node_name);
}

asio::awaitable<exchange::tally> exchange::ask(api::command what, std::string uid) {
    if (waiting_.size() >= options_.orders_max) {
        ++counts_.refused;
        co_return tally{.too_many = true, .asked = 0, .said = {}};
    }
    const std::uint64_t number = ++last_number_;
    std::string text = text_of(order{options_.uid, number, std::move(what)});
    ++counts_.orders;
    if (text.empty() || text.size() > options_.bytes_max) {
        ++counts_.incomplete;
        co_return tally{};
    }
    const auto its = std::make_shared<collection>(*context_);
    waiting_.emplace(number, its);
    its->ended.expires_after(options_.patience);
    const bool to_all = uid.empty();
    ends_.say(to_all ? channels().front() : channel_of(uid), std::move(text), [context = context_, its](auto nodes) {
        asio::post(*context, [its, nodes] {
            its->expected = nodes;
            if (its->complete()) its->ended.cancel();
        });
    });
    auto [interrupted] = co_await its->ended.async_wait(asio::as_tuple(asio::use_awaitable));
    (void)interrupted;
    waiting_.erase(number);
    tally found = std::move(its->found);
    found.asked = its->expected.value_or(0);
    if (to_all) counts_.nodes = found.asked;
    if (!found.all()) ++counts_.incomplete;
    co_return found;
}

void exchange::heard(std::string_view text) {
    if (heard_waiting_.fetch_add(1) >= options_.orders_max + options_.sayings_max) {
        heard_waiting_.fetch_sub(1);
        dropped_.fetch_add(1, std::memory_order_relaxed);
        return;
    }
    asio::post(*context_, [this, copy = std::string{text}] {
        heard_waiting_.fetch_sub(1);
        on_message(copy);
    });
}

void exchange::on_message(std::string_view text) {
    message what = text.size() > options_.bytes_max ? message{} : read_message(text, decoder_);
    if (auto* const said = std::get_if<answer>(&what)) return on_answer(std::move(*said));
    if (auto* const given = std::get_if<order>(&what)) return on_order(std::move(*given));
    if (auto* const saying_here = std::get_if<saying>(&what))
        return ends_.hear(std::move(saying_here->session), std::move(saying_here->data));
    ++counts_.ignored;
    if (const auto* unknown = std::get_if<unknown_order>(&what))
        reply(unknown->from, unknown->number, api::error::not_found);
}

void exchange::on_answer(answer what) {
    const auto found = waiting_.find(what.number);
    if (found == waiting_.end()) return; // it comes too late
    collection& its = *found->second;
    auto& said = its.found.said;
    const auto has_answered = [&](const answer& each) { return each.from == what.from; };
    if (its.complete() || std::ranges::any_of(said, has_answered)) return;
    said.push_back(std::move(what));
    if (its.complete()) its.ended.cancel();
}

void exchange::on_order(order what) {
    if (carrying_out_ >= options_.orders_max) {
        ++counts_.refused;
        return reply(what.from, what.number, api::error::internal);
    }
    ++carrying_out_;
    ++counts_.carried_out;
    asio::co_spawn(*context_, carry_out(std::move(what)), [this](const std::exception_ptr& failed) {
        --carrying_out_;
        if (failed) std::rethrow_exception(failed);
    });
}

asio::awaitable<void> exchange::carry_out(order what) {
    api::reply said = co_await ends_.carry_out(std::move(what.what));
    reply(what.from, what.number, std::move(said));
}

// One that fits: who carries orders out sees to that, so that another is an error.
void exchange::reply(const std::string& to, std::uint64_t number, api::reply what) {
    if (!is_uid(to)) return;
    std::string text = text_of(answer{options_.uid, number, std::move(what)});
    if (text.size() > options_.bytes_max) text = text_of(answer{options_.uid, number, api::error::internal});
    ends_.say(channel_of(to), std::move(text), {});
}

passing exchange::pass_on(std::string_view node, saying what) {
    if (!is_uid(node) || !is_hexadecimal(what.session)) return passing::nobody;
    std::string text = text_of(what);
    if (text.size() > options_.bytes_max) return passing::too_large;
    sayings_.fetch_add(1, std::memory_order_relaxed);
    if (sayings_waiting_.fetch_add(1) >= options_.sayings_max) {
        sayings_waiting_.fetch_sub(1);
        sayings_lost_.fetch_add(1, std::memory_order_relaxed);
        return passing::too_many;
    }
    ends_.say(channel_of(node), std::move(text), [this](std::uint32_t nodes) {
        sayings_waiting_.fetch_sub(1);
        if (nodes == 0) sayings_lost_.fetch_add(1, std::memory_order_relaxed);
    });
    return passing::taken;
}

exchange::counters exchange::counts() const {
    counters now = counts_;
    now.refused += dropped_.load(std::memory_order_relaxed);
    now.sayings = sayings_.load(std::memory_order_relaxed);
    now.sayings_lost = sayings_lost_.load(std::memory_order_relaxed);
    return now;
}

} // namespace carillon::nodes
