#include "commands/text.hpp"
#include "door/state.hpp"
#include "resp/glob.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace carillon::door {

using metrics::resp_error;
using subject = bus::question::subject;

// --- questions that every shard has a part of the answer to

void resp_door::survey::add(const bus::answer& more) {
    said.names.insert(said.names.end(), more.names.begin(), more.names.end());
    said.numbers.resize(std::max(said.numbers.size(), more.numbers.size()));
    for (std::size_t i = 0; i < more.numbers.size(); ++i) said.numbers[i] += more.numbers[i];
    said.text += more.text;
}

// Where there is one shard, the answer is there at once; otherwise the connection waits for it.
void resp_door::ask(door_client& c, bus::question what) {
    const auto asked = std::make_shared<const bus::question>(std::move(what));
    auto all = std::make_unique<survey>(survey{*asked, dialect(c)});
    all->add(answer_to(*asked));
    all->missing = bus_->shards() - 1;
    if (all->missing == 0) return append_answer(out(), *all);
    const std::uint32_t id = expect_answer(c);
    static_cast<unfinished&>(*c.busy->kept).waiting.back().asked = std::move(all);
    bus_->ask(asked, {records().key_of(c).packed(), id});
    pause(c);
}

bus::answer resp_door::answer_to(const bus::question& asked) {
    bus::answer said;
    const auto matching = [&](std::string_view name) {
        if (asked.words.empty() || resp::glob_match(asked.words[0], name)) said.names.emplace_back(name);
    };
    const auto subscribers = [&](const hub::hub& of) {
        for (const std::string& each : asked.words) said.numbers.push_back(of.subscribers(each));
    };
    switch (asked.about) {
    case subject::channels: hub_->each_channel(matching); break;
    case subject::shard_channels: bus_->sharded().each_channel(matching); break;
    case subject::subscribers: subscribers(*hub_); break;
    case subject::shard_subscribers: subscribers(bus_->sharded()); break;
    case subject::patterns: bus_->patterns().each(matching); break;
    case subject::clients: each_meant(asked.filter, [&](door_client& each) { append_line(said.text, each); }); break;
    case subject::kill: said.numbers = {kill(asked.filter)}; break;
    case subject::totals:
        said.numbers = {open(), hub_->channels(), bus_->patterns().size(), bus_->sharded().channels()};
        break;
    }
    return said;
}

void resp_door::append_answer(std::string& out, survey& all) const {
    std::vector<std::string>& names = all.said.names;
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
