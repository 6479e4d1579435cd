#include "orders/server_api.hpp"

#include "base/check.hpp"
#include "bus/interest_filter.hpp"
#include "orders/keeping.hpp"
#include "protocol/codes.hpp"
#include "protocol/payload.hpp"
#include "shards/channel_page.hpp"
#include "shards/survey.hpp"

#include <boost/uuid/uuid_io.hpp>

#include <algorithm>
#include <optional>
#include <utility>

namespace carillon::orders {

namespace asio = boost::asio;

namespace {

constexpr std::size_t idempotency_key_bytes_max = 256;
constexpr std::size_t version_epoch_bytes_max = 256;

const api::publication* publication_in(const api::command& what) {
    if (const auto* one = std::get_if<api::publish_request>(&what)) return &one->what;
    if (const auto* many = std::get_if<api::broadcast_request>(&what)) return &many->what;
    return nullptr;
}
api::publication* publication_in(api::command& what) {
    return const_cast<api::publication*>(publication_in(std::as_const(what)));
}

// What a user's connections are asked for.
const api::whom* whom_in(const api::command& what) {
    if (const auto* request = std::get_if<api::subscribe_request>(&what)) return &request->who;
    if (const auto* request = std::get_if<api::unsubscribe_request>(&what)) return &request->who;
    if (const auto* request = std::get_if<api::disconnect_request>(&what)) return &request->who;
    if (const auto* request = std::get_if<api::refresh_request>(&what)) return &request->who;
    return nullptr;
}

// Of a command that is a question to the channel's home.
const std::string* channel_in(const api::command& what) {
    if (const auto* request = std::get_if<api::presence_request>(&what)) return &request->channel;
    if (const auto* request = std::get_if<api::presence_stats_request>(&what)) return &request->channel;
    if (const auto* request = std::get_if<api::history_request>(&what)) return &request->channel;
    if (const auto* request = std::get_if<api::history_remove_request>(&what)) return &request->channel;
    return nullptr;
}

bus::home_question question_of(const api::command& what) {
    using kind = bus::home_question::kind;
    if (std::holds_alternative<api::presence_request>(what)) return {.about = kind::list};
    if (std::holds_alternative<api::presence_stats_request>(what)) return {.about = kind::count};
    const auto* page = std::get_if<api::history_request>(&what);
    if (page == nullptr) return {.about = kind::forget};
    bus::home_question asked{
        .about = kind::history, .has_since = page->since.has_value(), .reverse = page->reverse, .limit = page->limit};
    if (page->since) asked.since = bus::home_question::position_of(page->since->first, page->since->second);
    return asked;
}

api::reply reply_of(const bus::home_question& asked, const bus::home_answer& said) {
    using kind = bus::home_question::kind;
    if (said.why == streams::store::query_error::wrong_epoch) return api::error::unrecoverable_position;
    if (said.why == streams::store::query_error::bad_offset) return api::error::bad_request;
    if (asked.about == kind::count) return api::presence_stats_result{said.there.clients, said.there.users};
    if (asked.about == kind::history) return api::history_result{said.top, said.publications};
    if (asked.about == kind::forget) return api::done{};
    if (said.members == nullptr) return api::error::not_available; // they are too many for one answer
    api::presence_result all;
    for (const auto& [who, info] : *said.members) all.clients.emplace_back(boost::uuids::to_string(who), info);
    return all;
}

api::outcome outcome_of(const bus::publish_result& how, bool counted) {
    if (!how) return api::error::internal;
    api::published done{.at = how->at};
    if (counted) done.receivers = how->receivers;
    return done;
}

std::shared_ptr<const shards::wishes> wishes_of(const api::publication& what) {
    const bool any = !what.tags.empty() || what.skip_history || !what.idempotency_key.empty() || what.version != 0;
    if (!any) return nullptr;
    std::string tags;
    for (const auto& [key, value] : what.tags) {
        tags += tags.empty() ? '{' : ',';
        protocol::append_json_string(tags, key);
        tags += ':';
        protocol::append_json_string(tags, value);
    }
    if (!tags.empty()) tags += '}';
    return std::make_shared<const shards::wishes>(
        shards::wishes{std::move(tags), what.skip_history, what.idempotency_key, what.version, what.version_epoch});
}

} // namespace

// Publications that are on their way together.
class server_api::bundle {
public:
    explicit bundle(const server_api& of) : of_{of}, parcels(of.shards_->size()), delivered(of.shards_->size()) {}

    /// Whether the publications of `next` keep their place behind those that are here: all have the same home.
    bool may_follow(const api::command& next) const {
        if (of_.shards_->size() == 1) return true;
        bool same = true;
        const auto look = [&](const std::string& channel) {
            home_ = home_ ? home_ : of_.home_of(channel);
            same = same && *home_ == of_.home_of(channel);
        };
        each_channel_here(look);
        each_channel_of(next, look);
        return same;
    }

    /// Takes its payload and its channel from it.
    void add(api::command& what) {
        entry& mine = entries_.emplace_back();
        api::publication& publication = *publication_in(what);
        mine.counted = publication.count;
        mine.is_broadcast = std::holds_alternative<api::broadcast_request>(what);
        const auto kind = of_.kind_of(what);
        if (const auto* why = std::get_if<api::error>(&kind)) {
            mine.refused = *why;
            return;
        }
        if (mine.is_broadcast && std::get<api::broadcast_request>(what).channels.empty()) {
            mine.refused = api::error::bad_request;
            return;
        }
        const auto payload = std::make_shared<const std::string>(std::move(publication.data));
        const auto wished = wishes_of(publication);
        each_channel_of(what, [&](std::string& channel) {
            if (channel.empty() || channel.size() > of_.channel_bytes_max_ || of_.rules_.is_wildcard(channel)) {
                mine.places.push_back(std::nullopt);
                return;
            }
            const std::size_t shard = of_.home_of(channel);
            auto& to = parcels[shard];
            if (!to) to = std::make_shared<shards::parcel>();
            mine.places.push_back(place{shard, to->orders.size()});
            to->orders.push_back({std::move(channel), payload, std::get<bool>(kind), wished});
        });
    }

    /// The answer to the command that was added as number `index`, when all has been delivered that will be.
    api::reply reply_to(std::size_t index) const {
        const entry& its = entries_[index];
        if (its.refused) return *its.refused;
        api::broadcast_result all;
        for (const auto& where : its.places) all.responses.push_back(response_at(where, its.counted));
        if (its.is_broadcast) return all;
        return std::visit([](const auto& how) -> api::reply { return how; }, all.responses[0]);
    }
    std::size_t size() const noexcept { return entries_.size(); }

private:
    struct place {
        std::size_t shard;
        std::size_t index;
    };
    struct entry {
        std::vector<std::optional<place>> places; // of each channel; none: its name is refused
        std::optional<api::error> refused;
        bool counted = false;
        bool is_broadcast = false;
    };

    api::outcome response_at(const std::optional<place>& where, bool counted) const {
        if (!where) return api::error::bad_request;
        if (!delivered[where->shard]) return api::error::internal;
        return outcome_of(parcels[where->shard]->orders[where->index].done, counted);
    }

    template <class Command, class Look>
    static void each_channel_of(Command& what, Look&& look) {
        if (auto* one = std::get_if<api::publish_request>(&what)) look(one->channel);
        if (auto* many = std::get_if<api::broadcast_request>(&what))
            for (auto& each : many->channels) look(each);
    }

    template <class Look>
    void each_channel_here(Look&& look) const {
        if (home_) return; // looked at before
        for (const auto& each : parcels)
            if (each)
                for (const shards::order& one : each->orders) look(one.channel);
    }

    const server_api& of_;
    std::vector<entry> entries_;
    mutable std::optional<std::size_t> home_;

public:
    std::vector<std::shared_ptr<shards::parcel>> parcels; ///< of each shard; null: there is none
    std::vector<bool> delivered;                          ///< of these, those that have been
};

server_api::server_api(asio::io_context& control, const std::vector<std::unique_ptr<shards::shard>>& shards,
                       const config::settings& how)
    : context_{&control}, shards_{&shards}, channel_bytes_max_{how.client_channel_bytes_max},
      payload_bytes_max_{how.bus_payload_bytes_max}, channels_max_{how.api_channels_max},
      connections_max_{how.api_connections_max}, patience_{how.control_request_timeout}, courier_{control, shards,
                                                                                                  patience_},
      takes_wishes_{!how.bus || keeps_on_bus(how)}, rules_{channels::rules::of(how.namespaces, how.dev,
                                                                               how.client_channel_bytes_max)},
      started_{std::chrono::steady_clock::now()} {}

// Where the embedded bus puts the channel's publications in order, too.
std::size_t server_api::home_of(std::string_view channel) const {
    return bus::home_of(bus::channel_hash(channel), shards_->size());
}

// Whether it is JSON, or why it is not published.
std::variant<bool, api::error> server_api::kind_of(const api::command& command) const {
    const api::publication& what = *publication_in(command);
    if (!what.given || what.data.size() > payload_bytes_max_) return api::error::bad_request;
    // Better refused than lost, or published twice: where nothing is kept on a bus outside, it passes on nothing but
    // payloads.
    const bool has_wishes = !what.tags.empty() || !what.idempotency_key.empty() || what.version != 0;
    if (has_wishes && !takes_wishes_) return api::error::not_available;
    if (what.idempotency_key.size() > idempotency_key_bytes_max || what.version_epoch.size() > version_epoch_bytes_max)
        return api::error::bad_request;
    switch (protocol::classify(what.data)) {
    case protocol::payload_kind::json: return true;
    case protocol::payload_kind::text: return false;
    case protocol::payload_kind::binary: {
        const auto takes_bytes = [this](const std::string& channel) {
            const channels::name_space* const space = rules_.find(channel).space;
            return space != nullptr && space->binary;
        };
        const auto* const all = std::get_if<api::broadcast_request>(&command);
        const bool taken = all != nullptr ? std::ranges::all_of(all->channels, takes_bytes)
                                          : takes_bytes(std::get<api::publish_request>(command).channel);
        if (taken) return false;
        return api::error::bad_request;
    }
    case protocol::payload_kind::too_deep: return api::error::bad_request;
    }
    CHECK(false);
}

asio::awaitable<std::vector<api::reply>> server_api::carry_out(std::vector<api::command> commands, bool parallel) {
    std::vector<api::reply> replies(commands.size());
    for (std::size_t at = 0; at < commands.size();) {
        bundle together{*this};
        std::vector<std::size_t> whose;
        std::size_t end = at;
        for (; end < commands.size(); ++end) {
            const bool publishes = publication_in(commands[end]) != nullptr;
            if (parallel && !publishes) continue;
            if (!publishes || (!parallel && together.size() > 0 && !together.may_follow(commands[end]))) break;
            together.add(commands[end]);
            whose.push_back(end);
        }
        if (together.size() > 0) {
            std::vector<bool> delivered = co_await courier_.deliver(together.parcels);
            together.delivered = std::move(delivered);
        }
        for (std::size_t i = 0; i < whose.size(); ++i) replies[whose[i]] = together.reply_to(i);
        // In parallel all publications are made now, and the rest follows; otherwise one question, if it is its turn.
        for (; at < commands.size() && (parallel || at <= end); ++at) {
            if (publication_in(commands[at]) != nullptr) {
                if (!parallel && at == end) break;
                continue;
            }
            api::reply said = co_await ask(commands[at]);
            replies[at] = std::move(said);
        }
    }
    co_return replies;
}

asio::awaitable<api::reply> server_api::ask(const api::command& what) {
    if (channel_in(what) != nullptr) {
        api::reply said = co_await ask_home(what);
        co_return said;
    }
    if (const auto* asked = std::get_if<api::channels_request>(&what)) {
        api::reply said = co_await list_channels_everywhere(*asked);
        co_return said;
    }
    if (std::holds_alternative<api::info_request>(what)) {
        api::reply said = co_await describe_everybody();
        co_return said;
    }
    if (const auto* asked = std::get_if<api::connections_request>(&what)) {
        api::reply said = co_await list_connections_everywhere(*asked);
        co_return said;
    }
    if (whom_in(what) != nullptr) {
        api::reply said = co_await order_users(what);
        co_return said;
    }
    co_return api::error::not_found;
}

asio::awaitable<api::reply> server_api::ask_home(const api::command& what) {
    const std::string& channel = *channel_in(what);
    if (channel.empty() || channel.size() > channel_bytes_max_) co_return api::error::bad_request;
    const auto place = rules_.find(channel);
    if (place.space == nullptr) co_return static_cast<api::error>(place.said);
    const bus::home_question asked = question_of(what);
    const bool of_presence =
        asked.about == bus::home_question::kind::list || asked.about == bus::home_question::kind::count;
    if (of_presence ? !place.space->presence : place.space->history_size == 0) co_return api::error::not_available;
    using answer = result<bus::home_answer>;
    std::function<void(shards::shard&, std::function<void(answer)>)> question =
        [channel, asked](shards::shard& of, std::function<void(answer)> then) {
            of.ask_home(channel, asked, std::move(then));
        };
    shards::shard* const home = (*shards_)[home_of(channel)].get();
    const auto said = co_await ask_later<answer>(*context_, home, patience_, std::move(question));
    if (!said) co_return api::error::internal;
    if (!*said) co_return said->error() == bus::error::refused ? api::error::not_available : api::error::internal;
    co_return reply_of(asked, **said);
}

asio::awaitable<api::reply> server_api::list_channels(const api::channels_request& asked) {
    if (asked.pattern.size() > channel_bytes_max_ || asked.after.size() > channel_bytes_max_)
        co_return api::error::bad_request;
    const std::size_t most = asked.limit == 0 ? channels_max_ : std::min<std::size_t>(asked.limit, channels_max_);
    using then = std::function<void(shards::channel_counts)>;
    std::vector<shards::channel_counts> lists;
    for (const auto& each : *shards_) { // one after the other: whoever asks for a list can wait for it
        std::function<void(shards::shard&, then)> question = [asked, most](shards::shard& of, then found) {
            of.find_channels(asked, most + 1, std::move(found));
        };
        auto said = co_await ask_later<shards::channel_counts>(*context_, each.get(), patience_, std::move(question));
        if (!said) co_return api::error::internal; // a list with holes is none
        lists.push_back(std::move(*said));
    }
    api::channels_result page;
    page.channels = shards::merge_channels(lists, most, page.more);
    co_return page;
}

bool server_api::can_be_ordered(const api::command& what) const {
    const auto is_channel = [this](const std::string& name) {
        return !name.empty() && name.size() <= channel_bytes_max_;
    };
    const auto is_payload = [](const std::string& text) { return text.empty() || protocol::is_json(text); };
    if (const auto* it = std::get_if<api::disconnect_request>(&what))
        return protocol::may_close_with(it->code, it->reason);
    if (const auto* it = std::get_if<api::unsubscribe_request>(&what)) return is_channel(it->channel);
    if (const auto* it = std::get_if<api::refresh_request>(&what)) return is_payload(it->info);
    if (const auto* it = std::get_if<api::subscribe_request>(&what))
        return is_channel(it->channel) && is_payload(it->info) && is_payload(it->data);
    return true;
}

asio::awaitable<api::reply> server_api::order_users(const api::command& what) {
    if (whom_in(what)->user.empty() || !can_be_ordered(what)) co_return api::error::bad_request;
    api::reply said = co_await order_everywhere(what);
    co_return said;
}

asio::awaitable<api::reply> server_api::order_here(const api::command& what) {
    using answer = std::optional<std::uint32_t>;
    std::function<answer(shards::shard&)> question = [what](shards::shard& of) { return of.carry_out(what); };
    const auto said = co_await ask_shards<answer>(*context_, *shards_, patience_, std::move(question));
    for (const auto& each : said) {
        if (!each) co_return api::error::internal;
        if (!*each) co_return api::error::not_available;
    }
    co_return api::done{};
}

} // namespace carillon::orders
