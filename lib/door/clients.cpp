#include "commands/text.hpp"
#include "door/state.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <iterator>
#include <netinet/in.h>
#include <sys/socket.h>
#include <variant>

namespace carillon::door {

namespace {

using metrics::resp_error;
using client_kind = commands::client_filter::kind;
using commands::syntax_error;

using name_call = int (*)(int, sockaddr*, socklen_t*);

// An end of a connection as Redis writes it; asked of the kernel, since it is seldom wanted.
std::string address_of(int descriptor, name_call ask) {
    sockaddr_storage storage{};
    socklen_t size = sizeof storage;
    std::array<char, INET6_ADDRSTRLEN> text{};
    if (ask(descriptor, reinterpret_cast<sockaddr*>(&storage), &size) != 0) return "?:0";
    if (storage.ss_family == AF_INET) {
        const auto& ip = reinterpret_cast<const sockaddr_in&>(storage);
        ::inet_ntop(AF_INET, &ip.sin_addr, text.data(), text.size());
        return fmt::format("{}:{}", text.data(), ntohs(ip.sin_port));
    }
    if (storage.ss_family == AF_INET6) {
        const auto& ip = reinterpret_cast<const sockaddr_in6&>(storage);
        ::inet_ntop(AF_INET6, &ip.sin6_addr, text.data(), text.size());
        return fmt::format("[{}]:{}", text.data(), ntohs(ip.sin6_port));
    }
    return "?:0";
}
std::string peer_of(int descriptor) { return address_of(descriptor, ::getpeername); }
std::string local_of(int descriptor) { return address_of(descriptor, ::getsockname); }

} // namespace

// --- about this connection

void resp_door::run_client_id(door_client& c, resp::arguments) {
    resp::append_integer(out(), static_cast<std::int64_t>(id_of(c)));
}

void resp_door::run_client_name(door_client& c, resp::arguments) {
    if (c.extras == nullptr || c.extras->name.empty()) return resp::append_null(out(), dialect(c));
    resp::append_bulk(out(), c.extras->name);
}

void resp_door::run_client_setname(door_client& c, resp::arguments args) {
    if (!commands::is_word(args[2])) return error(resp_error::wrong_arguments, commands::bad_name);
    if (c.extras != nullptr || !args[2].empty()) extras_of(c).name = args[2];
    resp::append_simple(out(), "OK");
}

void resp_door::run_client_setinfo(door_client& c, resp::arguments args) {
    const bool is_name = resp::equals_ignoring_case(args[2], "lib-name");
    if (!is_name && !resp::equals_ignoring_case(args[2], "lib-ver")) {
        return error(resp_error::wrong_arguments, fmt::format("ERR Unrecognized option '{}'", args[2]));
    }
    if (!commands::is_word(args[3])) {
        return error(
            resp_error::wrong_arguments,
            fmt::format("ERR {} cannot contain spaces, newlines or special characters.", commands::lower(args[2])));
    }
    (is_name ? extras_of(c).library_name : extras_of(c).library_version) = args[3];
    resp::append_simple(out(), "OK");
}

void resp_door::run_client_reply(door_client& c, resp::arguments args) {
    if (resp::equals_ignoring_case(args[2], "ON")) {
        c.mute = false;
        begin_burst(c);
        return resp::append_simple(out(), "OK");
    }
    if (resp::equals_ignoring_case(args[2], "OFF")) {
        c.mute = true;
    } else if (resp::equals_ignoring_case(args[2], "SKIP")) {
        c.mute_next = true;
    } else {
        error(resp_error::wrong_arguments, syntax_error);
    }
}

// NO-EVICT and NO-TOUCH: nothing is ever evicted, and there is nothing to touch.
void resp_door::run_client_switch(door_client&, resp::arguments args) {
    if (!commands::yes_or_no(args[2], "on", "off")) return error(resp_error::wrong_arguments, syntax_error);
    resp::append_simple(out(), "OK");
}

// --- about all of them

void resp_door::note_command(door_client& c, const commands::entry& command) {
    const auto* container = &command;
    c.phase = 0;
    if (command.own_name().size() != command.name.size()) {
        container = commands::find(command.name.substr(0, command.name.find('|')));
        c.phase = static_cast<std::uint8_t>(&command - container->subcommands.data() + 1);
    }
    c.detail = static_cast<std::uint8_t>(container - commands::all().data() + 1);
}

// The fields of Redis 7.2, which are those of 7.0 and the library.
void resp_door::append_line(std::string& text, const door_client& c) const {
    static const door_extras nothing;
    const door_extras& extras = c.extras == nullptr ? nothing : *c.extras;
    const auto* kept = c.busy == nullptr ? nullptr : static_cast<const unfinished*>(c.busy->kept.get());
    const std::size_t waiting = c.busy == nullptr ? 0 : c.busy->outbox.bytes();
    const std::uint32_t now = seconds();
    const transaction* const queued = transaction_of(c);
    std::string_view flags = queued == nullptr ? "N" : "x";
    if (subscribes(c)) flags = queued == nullptr ? "P" : "Px";
    std::string_view command = "NULL";
    if (c.detail > 0) {
        const commands::entry& last = commands::all()[c.detail - 1u];
        command = c.phase > 0 ? last.subcommands[c.phase - 1u].name : last.name;
    }
    fmt::format_to(std::back_inserter(text),
                   "id={} addr={} laddr={} fd={} name={} age={} idle={} flags={} db=0 sub={} psub={} ssub={} multi={} "
                   "qbuf={} qbuf-free=0 argv-mem=0 multi-mem=0 rbs=0 rbp=0 obl=0 oll={} omem={} tot-mem={} events={} "
                   "cmd={} user=default redir=-1 resp={} lib-name={} lib-ver={}\n",
                   id_of(c), peer_of(c.descriptor), local_of(c.descriptor), c.descriptor, extras.name, now - c.opened,
                   now - c.active, flags, c.channels.count, extras.patterns.count(), extras.sharded.count,
                   queued == nullptr ? -1 : static_cast<int>(queued->commands.size()),
                   kept == nullptr ? 0 : kept->query.size(), waiting > 0 ? 1 : 0, waiting,
                   sizeof(door_client) + waiting, waiting > 0 ? "rw" : "r", command, c.resp3 ? 3 : 2,
                   extras.library_name, extras.library_version);
}

void resp_door::each_meant(const commands::client_filter& meant, const std::function<void(door_client&)>& visit) {
    for_some(0, records().used(), [&](link::record& each) {
        auto& c = static_cast<door_client&>(each);
        const std::uint64_t id = id_of(c);
        if (id == meant.but_not) return;
        if (!meant.ids.empty() && std::find(meant.ids.begin(), meant.ids.end(), id) == meant.ids.end()) return;
        if (meant.type && *meant.type != (subscribes(c) ? client_kind::pubsub : client_kind::normal)) return;
        if (!meant.address.empty() && meant.address != peer_of(c.descriptor)) return;
        if (!meant.local_address.empty() && meant.local_address != local_of(c.descriptor)) return;
        visit(c);
    });
}

std::uint64_t resp_door::kill(const commands::client_filter& meant) {
    hub_->flush(); // what was published before goes to them, too
    std::uint64_t killed = 0;
    each_meant(meant, [&](door_client& each) {
        ++killed;
        if (&each == active_) {
            each.leaving = true; // once it has its reply
        } else {
            drop(each, link::ending::by_us);
        }
    });
    return killed;
}

void resp_door::run_client_info(door_client& c, resp::arguments) {
    std::string text;
    append_line(text, c);
    resp::append_verbatim(out(), text, dialect(c));
}

void resp_door::run_client_list(door_client& c, resp::arguments args) {
    bus::question what{.about = bus::question::subject::clients};
    if (args.size() == 4 && resp::equals_ignoring_case(args[2], "TYPE")) {
        what.filter.type = commands::kind_of(args[3]);
        if (!what.filter.type) return error(resp_error::wrong_arguments, commands::unknown_kind(args[3]));
    } else if (args.size() > 3 && resp::equals_ignoring_case(args[2], "ID")) {
        for (const std::string_view each : args.subspan(3)) {
            const auto id = commands::integer_of(each);
            if (!id) return error(resp_error::wrong_arguments, "ERR Invalid client ID");
            what.filter.ids.push_back(static_cast<std::uint64_t>(*id));
        }
    } else if (args.size() != 2) {
        return error(resp_error::wrong_arguments, syntax_error);
    }
    ask(c, std::move(what));
}

void resp_door::run_client_kill(door_client& c, resp::arguments args) {
    bus::question what{.about = bus::question::subject::kill};
    what.by_address_alone = args.size() == 3;
    if (what.by_address_alone) {
        what.filter.address = args[2];
        // A filter without an address means everybody.
        if (args[2].empty()) return error(resp_error::wrong_arguments, "ERR No such client");
        return ask(c, std::move(what));
    }
    what.filter.but_not = id_of(c);
    for (std::size_t i = 2; i < args.size(); i += 2) {
        if (i + 1 == args.size()) return error(resp_error::wrong_arguments, syntax_error);
        const std::string wrong = what.filter.add(args[i], args[i + 1], id_of(c));
        if (!wrong.empty()) return error(resp_error::wrong_arguments, wrong);
    }
    ask(c, std::move(what));
}

} // namespace carillon::door
