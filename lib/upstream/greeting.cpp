#include "discovery/words.hpp"
#include "upstream/upstream.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <utility>

// How a server is greeted, and what it says of itself.
namespace carillon::upstream {

using discovery::is_error;
using discovery::without_arguments;

namespace {

struct introduction {
    std::string_view server;
    std::string_view mode;
    std::string_view role;
};

// What the answer to HELLO says. It is a map of texts and, last, a list.
introduction introduction_of(std::span<const resp::node> greeting) noexcept {
    introduction found;
    for (std::size_t i = 1; i + 1 < greeting.size(); i += 2) {
        if (greeting[i].depth != 1 || greeting[i + 1].depth != 1) break;
        const std::string_view key = greeting[i].text;
        const std::string_view value = greeting[i + 1].text;
        if (key == "server") found.server = value;
        if (key == "mode") found.mode = value;
        if (key == "role") found.role = value;
    }
    return found;
}

// Why a server is no bus; empty if it is one. The nodes of a cluster tell each other what is published, replicas as
// well.
std::string_view objection_to(const introduction& who) noexcept {
    if (who.mode == "sentinel" || who.role == "sentinel") return "the server is a Sentinel, which is no bus";
    if (who.mode == "cluster") return {};
    if (who.role != "replica" && who.role != "slave") return {};
    return "the server is a replica: what is published there reaches neither its master nor anybody there";
}

// Whether an answer to HELLO is that of a server, or of a proxy before it, that has no HELLO or no RESP3. Any other
// error (of the password, while loading, too many clients) is one that RESP2 would meet as well.
bool lacks_resp3(std::string_view why) {
    if (why.starts_with("NOPROTO")) return true;
    std::string text{why};
    std::ranges::transform(text, text.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    constexpr std::array<std::string_view, 5> words{"unknown command", "unsupported command", "not supported",
                                                    "not allowed", "invalid command"};
    return std::ranges::any_of(words, [&](std::string_view each) { return text.find(each) != std::string::npos; });
}

} // namespace

void upstream::greet(lane& with, clock::time_point now) {
    const awaited answer{.what = awaited::kind::hello};
    if (options_.password.empty()) return with.send({"HELLO", "3", "SETNAME", "carillon"}, answer, now);
    with.send({"HELLO", "3", "AUTH", options_.user, options_.password, "SETNAME", "carillon"}, answer, now);
}

void upstream::log_in(lane& with, awaited answer, clock::time_point now) {
    if (options_.user == "default") return with.send({"AUTH", options_.password}, answer, now); // before Redis 6
    with.send({"AUTH", options_.user, options_.password}, answer, now);
}

// A server keeps the login of a connection that fails to log in anew. One that counts the time since the login, as some
// clouds' do, counts it from here.
void upstream::use_login(std::string user, std::string password, clock::time_point now) {
    if (options_.user == user && options_.password == password) return;
    options_.user = std::move(user);
    options_.password = std::move(password);
    hurry(now);
    if (connected() && !options_.password.empty()) log_in(speaking(), {.what = awaited::kind::other_login}, now);
}

// What HELLO does at once, for those who do not know it. All of it is asked together. Only the login and the last may
// not fail: a server need not have the others, and one that lets nobody in refuses the last as well.
void upstream::greet_plainly(lane& with, clock::time_point now) {
    if (!options_.password.empty()) log_in(with, {.what = awaited::kind::login}, now);
    with.send({"CLIENT", "SETNAME", "carillon"}, {.what = awaited::kind::greeting}, now);
    with.send({"INFO", "server"}, {.what = awaited::kind::server}, now);
    with.send({"ROLE"}, {.what = awaited::kind::role}, now);
    with.send({"PING"}, {.what = awaited::kind::last_of_them}, now);
}

void upstream::on_hello(std::span<const resp::node> nodes, clock::time_point now) {
    if (is_error(nodes.front())) {
        const std::string why = without_arguments(nodes.front().text, options_.password);
        if (!lacks_resp3(why)) return lose(why, true, now);
        if (!options_.scripts.empty())
            return lose("the server has no RESP3, which streams and presence need", true, now);
        is_plain_ = true;
        return greet_plainly(first_, now);
    }
    const introduction who = introduction_of(nodes);
    if (const std::string_view why = objection_to(who); !why.empty()) return lose(why, true, now);
    is_carillon_ = who.server == "carillon";
    if (is_carillon_ && !options_.scripts.empty())
        return lose("a carillon-bus keeps nothing, and there are namespaces with history or presence", true, now);
    begin(now);
}

void upstream::on_greeting_answered(lane& from, awaited::kind what, const resp::node& answer, clock::time_point now) {
    if (what == awaited::kind::server) is_sharing_ = answer.text.find("redis_mode:cluster") != std::string_view::npos;
    const bool needed = what == awaited::kind::login || what == awaited::kind::last_of_them;
    if (needed && is_error(answer)) return lose(without_arguments(answer.text, options_.password), true, now);
    if (what != awaited::kind::last_of_them) return;
    if (&from == &second_) return begin(now);
    action_ = action::connect_second;
}

// An error says that the server is there, and nothing of its role.
void upstream::on_role(std::span<const resp::node> nodes, clock::time_point now) {
    introduction who = introduction_of(nodes);
    if (is_plain_) who = {.server = {}, .mode = is_sharing_ ? "cluster" : "", .role = {}};
    if (is_plain_ && nodes.size() > 1) who.role = nodes[1].text;
    if (const std::string_view why = objection_to(who); !why.empty()) lose(why, true, now);
}

// Before anything that could call them.
void upstream::load_scripts(clock::time_point now) {
    for (const std::string_view each : options_.scripts)
        first_.send({"SCRIPT", "LOAD", each}, {.what = awaited::kind::script}, now);
    if (!options_.library.empty())
        first_.send({"FUNCTION", "LOAD", "REPLACE", options_.library}, {.what = awaited::kind::library}, now);
}

void upstream::begin(clock::time_point now) {
    first_.probed(now);
    second_.probed(now);
    ++counts_.connects;
    state_ = state::restoring;
    load_scripts(now);
    restoring_ = channels_.size();
    for (auto& [name, channel] : channels_) {
        channel.restoring = true;
        queue_to_ask(name, channel);
    }
    ask(now);
}

} // namespace carillon::upstream
