#include "commands/text.hpp"
#include "door/state.hpp"
#include "resp/glob.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace carillon::door {

using metrics::resp_error;
using subject = bus::question::subject;

namespace {

// In an array of RESP: $, a length, and the ends of two lines.
constexpr std::size_t bytes_beside_name = 8;

} // namespace

// --- questions that every shard has a part of the answer to

void resp_door::survey::add(const bus::answer& more) {
    said.names.insert(said.names.end(), more.names.begin(), more.names.end());
    said.name_bytes += more.name_bytes;
    said.numbers.resize(std::max(said.numbers.size(), more.numbers.size()));
    for (std::size_t i = 0; i < more.numbers.size(); ++i) said.numbers[i] += more.numbers[i];
    said.text += more.text;
}

// Where there is one shard, and not much to look at, the answer is there at once; otherwise the connection waits for
// it.
void resp_door::ask(door_client& c, bus::question what) {
    bus::inquiry own{.what = std::make_shared<const bus::question>(std::move(what))};
    const auto asked = own.what;
    auto all = std::make_unique<survey>(survey{*asked, dialect(c)});
    const bool is_whole = answer_some(own);
    if (is_whole) all->add(own.said);
    all->missing = bus_->shards() - (is_whole ? 1 : 0);
    if (all->missing == 0) return append_answer(out(), *all);
    const std::uint32_t id = expect_answer(c);
    static_cast<unfinished&>(*c.busy->kept).waiting.back().asked = std::move(all);
    bus_->ask(asked, {records().key_of(c).packed(), id},
              is_whole ? std::nullopt : std::optional<bus::inquiry>{std::move(own)});
    pause(c);
}

bool resp_door::answer_some(bus::inquiry& of) {
    const bus::question& asked = *of.what;
    bus::answer& said = of.said;
    const auto matching = [&](std::string_view name) {
        if (!asked.words.empty() && !resp::glob_match(asked.words[0], name)) return;
        said.names.emplace_back(name);
        said.name_bytes += name.size() + bytes_beside_name;
    };
    const auto some_channels = [&](const hub::hub& all) {
        of.place = all.for_some_channels(of.place, channels_per_turn, matching);
        return of.place == hub::none || said.name_bytes > options_.output_bytes_max;
    };
    const auto subscribers = [&](const hub::hub& all) {
        for (const std::string& each : asked.words) said.numbers.push_back(all.subscribers(each));
    };
    switch (asked.about) {
    case subject::channels: return some_channels(*hub_);
    case subject::shard_channels: return some_channels(bus_->sharded());
    case subject::subscribers: subscribers(*hub_); break;
    case subject::shard_subscribers: subscribers(bus_->sharded()); break;
    case subject::patterns: bus_->patterns().each(matching); break;
    case subject::clients: each_meant(asked.filter, [&](door_client& each) { append_line(said.text, each); }); break;
    case subject::kill: said.numbers = {kill(asked.filter)}; break;
    case subject::totals:
        said.numbers = {open(), hub_->channels(), bus_->patterns().size(), bus_->sharded().channels()};
        break;
    }
    return true;
}

void resp_door::append_answer(std::string& out, survey& all) {
    std::vector<std::string>& names = all.said.names;
    const bool is_list = all.asked.about == subject::channels || all.asked.about == subject::shard_channels;
    if (is_list && all.said.name_bytes > options_.output_bytes_max) {
        ++counters().resp_errors(resp_error::limit);
        return resp::append_error(out, "ERR more channels than bus_output_bytes_max; give a pattern");
    }
    std::sort(names.begin(), names.end());
    names.erase(std::unique(names.begin(), names.end()), names.end());
    switch (all.asked.about) {
    case subject::channels:
    case subject::shard_channels:
        resp::append_array_header(out, names.size());
        for (const std::string& each : names) resp::append_bulk(out, each);
        break;
    case subject::subscribers:
    case subject::shard_subscribers:
        resp::append_array_header(out, all.asked.words.size() * 2);
        for (std::size_t i = 0; i < all.asked.words.size(); ++i) {
            resp::append_bulk(out, all.asked.words[i]);
            resp::append_integer(out, static_cast<std::int64_t>(all.said.numbers[i]));
        }
        break;
    case subject::patterns: resp::append_integer(out, static_cast<std::int64_t>(names.size())); break;
    case subject::clients: resp::append_verbatim(out, all.said.text, all.dialect); break;
    case subject::kill:
        if (!all.asked.by_address_alone) {
            resp::append_integer(out, static_cast<std::int64_t>(all.said.numbers[0]));
        } else if (all.said.numbers[0] > 0) {
            resp::append_simple(out, "OK");
        } else {
            resp::append_error(out, "ERR No such client");
        }
        break;
    case subject::totals: resp::append_verbatim(out, info_of(all.asked.words, all.said), all.dialect); break;
    }
}

// --- PUBSUB

void resp_door::run_pubsub_channels(door_client& c, resp::arguments args) {
    if (args.size() > 3) {
        return error(resp_error::wrong_arguments,
                     fmt::format("ERR unknown subcommand or wrong number of arguments for '{}'. Try PUBSUB HELP.",
                                 args[1].substr(0, commands::repeated_max)));
    }
    const bool sharded = resp::equals_ignoring_case(args[1], "SHARDCHANNELS");
    bus::question what{.about = sharded ? subject::shard_channels : subject::channels};
    if (args.size() == 3) what.words.emplace_back(args[2]);
    ask(c, std::move(what));
}

void resp_door::run_pubsub_numbers(door_client& c, resp::arguments args) {
    const bool sharded = resp::equals_ignoring_case(args[1], "SHARDNUMSUB");
    bus::question what{.about = sharded ? subject::shard_subscribers : subject::subscribers};
    what.words.assign(args.begin() + 2, args.end());
    ask(c, std::move(what));
}

void resp_door::run_pubsub_patterns(door_client& c, resp::arguments) { ask(c, {.about = subject::patterns}); }

} // namespace carillon::door
