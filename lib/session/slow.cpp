#include "base/name_hash.hpp"
#include "session/backlog.hpp"
#include "session/server.hpp"

#include <boost/asio/post.hpp>

#include <memory>
#include <string>
#include <utility>
#include <vector>

// Clients whose sockets take less than there is for them: what of it is dropped, where their channels' namespaces say
// so, and who is told.
namespace carillon::session {

namespace {

using channels::slow_consumer_policy;

// Channels of a client that has lost something of them, until it has been told: by their hashes.
struct cut_channels final : link::partial {
    std::vector<std::uint64_t> all;
};

// A cache has the newest, and so has who is only spared what is older.
bool is_told(const channels::name_space& of) noexcept {
    if (of.recovery == channels::recovery_mode::off || of.history_size == 0) return false;
    return of.recovery == channels::recovery_mode::stream || of.slow_consumer != slow_consumer_policy::keep_latest;
}

// The kind is 0 where nothing is dropped.
hub::frames::notes notes_on(hub::frames& what, hub::format speaks, const channels::rules& rules,
                            metrics::name_space_counts& counts) {
    const std::string_view channel = what.channel();
    const channels::name_space* const space = channel.empty() ? nullptr : rules.space_of(channel);
    if (space == nullptr || space->slow_consumer == slow_consumer_policy::disconnect) return {};
    hub::frames::notes made{.source = name_hash(channel),
                            .kind = static_cast<std::uint32_t>(name_hash(space->name)) | 1u,
                            .counted = counts.slot_of(space->name)};
    made.flags = space->slow_consumer == slow_consumer_policy::drop_oldest ? backlog::yields : backlog::latest;
    if (is_told(*space)) made.flags |= backlog::told;
    made.ends = message_ends(speaks, what.bytes());
    return made;
}

} // namespace

// What the socket has not taken of publications.
void server::wait_in_line(client& c, hub::frames& what, std::size_t sent) {
    const channels::rules* const rules = talks_.rules_of_dropping();
    if (rules == nullptr) return queue_rest(c, what.share(), sent);
    if (!what.noted) what.noted = notes_on(what, c.speaks(), *rules, counters().publications_dropped);
    if (what.noted->kind == 0) return queue_rest(c, what.share(), sent);
    link::busy_state& state = busy(c);
    std::vector<std::uint64_t> cut;
    if (state.cut != nullptr) cut = static_cast<cut_channels&>(*state.cut).all;
    bool fits = false;
    change_outbox(c, [&](net::outbox& waiting) {
        backlog line{waiting, options_.outbox_bytes_max, counters().publications_dropped, cut};
        fits = line.add(what.share(), *what.noted, what.others(), sent);
    });
    see_to(c, std::move(cut));
    if (!fits) end_slow_later(c);
}

void server::on_full(link::record& r, std::size_t bytes) {
    if (talks_.rules_of_dropping() == nullptr) return;
    std::vector<std::uint64_t> cut;
    if (r.busy->cut != nullptr) cut = static_cast<cut_channels&>(*r.busy->cut).all;
    change_outbox(r, [&](net::outbox& waiting) {
        backlog{waiting, options_.outbox_bytes_max, counters().publications_dropped, cut}.make_room(bytes);
    });
    if (!cut.empty()) see_to(static_cast<client&>(r), std::move(cut));
}

// It cannot leave these channels in the middle of a delivery; until it does, it hears nothing of them.
void server::see_to(client& c, std::vector<std::uint64_t> cut) {
    if (cut.empty()) return settle(c);
    if (c.busy->cut == nullptr) {
        c.busy->cut = std::make_unique<cut_channels>();
        boost::asio::post(shard().context, [this, key = records().key_of(c)] { cut_off(key); });
    }
    static_cast<cut_channels&>(*c.busy->cut).all = std::move(cut);
}

// It is told behind what waits for it, and so when its socket takes something again; its SDK then subscribes anew, and
// gets what it lacks. What it has of the channel ends where the first of the lost was.
void server::cut_off(net::connection_key whose) {
    client* const c = find(whose);
    if (c == nullptr || c->busy == nullptr || c->busy->cut == nullptr) return;
    const auto& cut = static_cast<cut_channels&>(*c->busy->cut).all;
    const std::vector<std::string> lost = c->closing ? std::vector<std::string>{} : talks_.leave_lost(*c, cut);
    if (find(whose) == nullptr) return;
    c->busy->cut.reset();
    settle(*c);
    talks_.tell_lost(*c, lost);
}

} // namespace carillon::session
