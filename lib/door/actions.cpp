#include "commands/documents.hpp"
#include "commands/table.hpp"
#include "door/state.hpp"

#include <vector>

// From what commands::table says is done to what does it, and the commands about commands.
namespace carillon::door {

using commands::action;
using commands::entry;

void resp_door::perform(door_client& c, action what, resp::arguments args) {
    switch (what) {
    case action::none: break;
    case action::publish: return run_publish(c, args);
    case action::client_name: return run_client_name(c, args);
    case action::help: return run_help(c, args);
    case action::client_id: return run_client_id(c, args);
    case action::client_info: return run_client_info(c, args);
    case action::client_kill: return run_client_kill(c, args);
    case action::client_list: return run_client_list(c, args);
    case action::client_switch: return run_client_switch(c, args);
    case action::client_reply: return run_client_reply(c, args);
    case action::client_setinfo: return run_client_setinfo(c, args);
    case action::client_setname: return run_client_setname(c, args);
    case action::pubsub_channels: return run_pubsub_channels(c, args);
    case action::pubsub_patterns: return run_pubsub_patterns(c, args);
    case action::pubsub_numbers: return run_pubsub_numbers(c, args);
    case action::config_get: return run_config_get(c, args);
    case action::command_count: return run_command_count(c, args);
    case action::command_docs: return run_command_docs(c, args);
    case action::command_info: return run_command_info(c, args);
    case action::command_list: return run_command_list(c, args);
    case action::script_exists: return run_script_exists(c, args);
    case action::script_flush: return run_script_flush(c, args);
    case action::script_load: return run_script_load(c, args);
    case action::ping: return run_ping(c, args);
    case action::subscribe: return run_subscribe(c, args);
    case action::unsubscribe: return run_unsubscribe(c, args);
    case action::pattern_subscribe: return run_pattern_subscribe(c, args);
    case action::pattern_unsubscribe: return run_pattern_unsubscribe(c, args);
    case action::sharded_publish: return run_sharded_publish(c, args);
    case action::sharded_subscribe: return run_sharded_subscribe(c, args);
    case action::sharded_unsubscribe: return run_sharded_unsubscribe(c, args);
    case action::echo: return run_echo(c, args);
    case action::auth: return run_auth(c, args);
    case action::hello: return run_hello(c, args);
    case action::select: return run_select(c, args);
    case action::command: return run_command(c, args);
    case action::info: return run_info(c, args);
    case action::multi: return run_multi(c, args);
    case action::exec: return run_exec(c, args);
    case action::discard: return run_discard(c, args);
    case action::watch: return run_watch(c, args);
    case action::unwatch: return run_unwatch(c, args);
    case action::eval: return run_eval(c, args);
    case action::role: return run_role(c, args);
    case action::reset: return run_reset(c, args);
    case action::quit: return run_quit(c, args);
    }
    CHECK(false); // the arity of a command with subcommands demands one
}

void resp_door::run_command(door_client& c, resp::arguments) {
    resp::append_array_header(out(), commands::all().size());
    for (const entry& each : commands::all()) commands::append_info(out(), each, dialect(c));
}

void resp_door::run_command_count(door_client&, resp::arguments) {
    resp::append_integer(out(), static_cast<std::int64_t>(commands::all().size()));
}

void resp_door::run_command_info(door_client& c, resp::arguments args) {
    if (args.size() == 2) return run_command(c, args);
    resp::append_array_header(out(), args.size() - 2);
    for (const std::string_view name : args.subspan(2)) {
        const entry* const found = commands::find(name);
        if (found == nullptr) {
            resp::append_null(out(), dialect(c));
        } else {
            commands::append_info(out(), *found, dialect(c));
        }
    }
}

// redis-cli asks this at its start, for its hints. Names that are not known are left out.
void resp_door::run_command_docs(door_client& c, resp::arguments args) {
    std::vector<const entry*> found;
    for (const std::string_view name : args.subspan(2)) {
        if (const entry* const one = commands::find(name); one != nullptr) found.push_back(one);
    }
    if (args.size() == 2) {
        for (const entry& each : commands::all()) found.push_back(&each);
    }
    resp::append_map_header(out(), found.size(), dialect(c));
    for (const entry* each : found) commands::append_docs(out(), *each, dialect(c));
}

void resp_door::run_command_list(door_client&, resp::arguments args) {
    if (!commands::append_names(out(), args)) error(metrics::resp_error::wrong_arguments, "ERR syntax error");
}

void resp_door::run_help(door_client&, resp::arguments args) { commands::append_help(out(), args[0]); }

} // namespace carillon::door
